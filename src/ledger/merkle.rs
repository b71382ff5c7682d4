//! The Merkle tree over the journal's lines (RFC 6962, as in certificate transparency), kept as the roots of its full
//! subtrees: enough to add lines and to tell the root.

use sha2::{Digest as _, Sha256};

type Hash = [u8; 32];

/// A tree that grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    size: u64,
    /// From the largest to the smallest, one for each bit of the size that is set.
    peaks: Vec<Hash>,
}

impl Tree {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds one line.
    pub(super) fn add(&mut self, line: &[u8]) {
        let mut node = Sha256::new().chain_update([0]).chain_update(line).finalize().into();
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("each bit that is set has a peak");
            node = join(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root, in hex.
    pub(super) fn root(&self) -> String {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return hex::encode(Sha256::digest([])) };
        hex::encode(peaks.fold(*last, |right, left| join(left, &right)))
    }
}

fn join(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inputs and roots with which implementations of RFC 6962 test themselves.
    #[test]
    fn the_roots_are_those_of_rfc_6962() {
        let lines =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(tree.root(), roots[0]);
        for (line, root) in lines.iter().zip(&roots[1..]) {
            tree.add(&hex::decode(line).unwrap());
            assert_eq!(tree.root(), *root, "of {} lines", tree.size());
        }
    }
}
