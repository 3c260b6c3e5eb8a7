//! The contract suite on a folder that is no folder of this machine: Samba's share, mounted through FUSE by smbnetfs.

mod servers;

use fieldpost::exchange::Access;
use servers::Share;

#[test]
#[ignore = "needs Samba and FUSE: run by .ci/run"]
fn a_mounted_share_keeps_the_contract() {
    let Some(share) = Share::mount() else { return };
    let mounted = share.mounted();
    share.server().contract(&Access::default(), |folder| mounted.join(folder).display().to_string());
}
