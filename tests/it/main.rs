//! One binary for all integration stories, so that linking is paid once.

mod simulation;
