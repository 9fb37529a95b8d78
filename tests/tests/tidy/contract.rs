//! The contract does not change unseen: its digest stands in `wit/README.md`.

use sha2::{Digest, Sha256};
use wit_component::WitPrinter;
use wit_parser::Resolve;

use super::root;

/// What stands before the digest in `wit/README.md`.
const MARK: &str = "sha256:";

#[test]
fn the_contract_is_the_pinned_one() {
    let printed = printed();
    let digest: String =
        Sha256::digest(&printed).iter().map(|byte| format!("{byte:02x}")).collect();
    let readme = std::fs::read_to_string(root().join("wit/README.md")).expect("wit/README.md");
    assert!(
        readme.contains(&format!("{MARK}{digest}")),
        "the contract has changed: its digest is now {MARK}{digest}. \
         See wit/README.md for what may change, then write the digest there"
    );
}

/// The whole package as one text, without documentation, so that this can improve.
fn printed() -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).expect("wit/ parses");
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    printer.print(&resolve, package, &[]).expect("wit/ prints");
    printer.output.to_string()
}
