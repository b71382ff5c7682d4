//! Keeps what is in memory out of files: no core dump, and no debugger of another process of the same user.

/// Best effort: a system that refuses has stricter rules of its own, or is meant for debugging.
#[cfg(target_os = "linux")]
pub(super) fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let _refused = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _refused = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Other systems keep core dumps off by default.
#[cfg(not(target_os = "linux"))]
pub(super) fn keep_memory_private() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn afterwards_a_crash_leaves_no_core_and_nobody_attaches() {
        super::keep_memory_private();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
