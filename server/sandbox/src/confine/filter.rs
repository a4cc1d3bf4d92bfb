//! The system call filter: what no program under an agent needs, and what other layers cannot see.
//!
//! Invariant: a foreign architecture's calls kill the process; x32's are refused like unknown ones.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op,
    SeccompCondition as Condition, SeccompFilter, SeccompRule, TargetArch,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Socket families a child may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// Unix sockets only: no namespace keeps the network away.
    LocalOnly,
    /// Also IPv4, IPv6 and netlink: in an own network namespace they reach nothing, or the network is allowed.
    Internet,
}

const REFUSED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
];

/// Calls that programs try and do without when the kernel is too old; clone3 hides its flags from filters.
const MISSING: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// The filters, in order of loading.
pub(super) fn programs(sockets: Sockets) -> io::Result<Vec<BpfProgram>> {
    let missing: Rules = MISSING.iter().map(|call| (*call, Vec::new())).collect();
    let mut refused: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let namespaces = [
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let mut clone = Vec::new();
    for flag in namespaces {
        clone.push(rule(&[(0, Op::MaskedEq(flag as u64), flag as u64)])?);
    }
    refused.insert(libc::SYS_clone, clone);
    let families: &[i32] = match sockets {
        Sockets::LocalOnly => &[libc::AF_UNIX],
        Sockets::Internet => &[
            libc::AF_UNIX,
            libc::AF_INET,
            libc::AF_INET6,
            libc::AF_NETLINK,
        ],
    };
    let others: Vec<_> = families
        .iter()
        .map(|family| (0, Op::Ne, *family as u64))
        .collect();
    refused.insert(libc::SYS_socket, vec![rule(&others)?]);
    refused.insert(
        libc::SYS_ioctl,
        vec![
            rule(&[(1, Op::Eq, libc::TIOCSTI)])?,
            rule(&[(1, Op::Eq, libc::TIOCLINUX)])?,
        ],
    );
    Ok(vec![
        program(missing, libc::ENOSYS)?,
        program(refused, libc::EPERM)?,
    ])
}

fn rule(conditions: &[(u8, Op, u64)]) -> io::Result<SeccompRule> {
    let conditions: Result<Vec<_>, _> = conditions
        .iter()
        .map(|(index, op, value)| Condition::new(*index, Len::Dword, op.clone(), *value))
        .collect();
    SeccompRule::new(conditions.map_err(io::Error::other)?).map_err(io::Error::other)
}

fn program(rules: Rules, errno: i32) -> io::Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno as u32),
        arch,
    );
    let program: BpfProgram = filter
        .map_err(io::Error::other)?
        .try_into()
        .map_err(io::Error::other)?;
    Ok(with_x32_refused(program))
}

#[cfg(target_arch = "x86_64")]
fn with_x32_refused(program: BpfProgram) -> BpfProgram {
    use seccompiler::sock_filter;
    // linux/filter.h: load the call's number (offset 0); at or above __X32_SYSCALL_BIT return EPERM.
    let mut all = vec![
        sock_filter {
            code: 0x20,
            jt: 0,
            jf: 0,
            k: 0,
        },
        sock_filter {
            code: 0x35,
            jt: 0,
            jf: 1,
            k: 0x4000_0000,
        },
        sock_filter {
            code: 0x06,
            jt: 0,
            jf: 0,
            k: 0x0005_0000 | libc::EPERM as u32,
        },
    ];
    all.extend(program);
    all
}

#[cfg(not(target_arch = "x86_64"))]
fn with_x32_refused(program: BpfProgram) -> BpfProgram {
    program
}
