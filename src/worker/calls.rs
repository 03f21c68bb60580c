//! Which system calls a worker, and a program that reads pictures, may make (seccomp(2)). Everything else ends the
//! worker, and fails for the program.

use nix::libc::{self, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::{collections::BTreeMap, os::fd::RawFd, process};

/// For mimalloc, which names its memory; not in every libc.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// Calls of a worker that need no look at their arguments: memory that it has, its own signals, the clock, its end.
const WORKER: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Of what is open: how much memory it has had.
    libc::SYS_pread64,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

/// Calls of a program that computes, in one process with threads, and reads files. What it may open is landlock's
/// matter.
const PROGRAM: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    // Answered by `without_clone3`.
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_prlimit64,
    libc::SYS_pselect6,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_tgkill,
    libc::SYS_times,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Older forms of the same, which the newer architecture does not have.
#[cfg(target_arch = "x86_64")]
const PROGRAM_OLD: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const PROGRAM_OLD: &[c_long] = &[];

/// Options of prctl(2) that a program may use: none of them loosens the fence or the end with its parent.
const PROGRAM_PRCTL: [i32; 3] = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_GET_DUMPABLE];

/// Rules under construction: a call with several rules is allowed where one of them holds.
#[derive(Default)]
struct Rules(BTreeMap<c_long, Vec<SeccompRule>>);

/// Holds where the argument, all 64 bits of it, has this value in the bits of the mask.
fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)
}

/// Holds where the argument, an int, has this value.
fn is(argument: u8, value: u32) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value))
}

impl Rules {
    fn allow(&mut self, calls: &[c_long]) {
        for call in calls {
            self.0.insert(*call, Vec::new());
        }
    }

    fn allow_if(&mut self, call: c_long, conditions: Vec<SeccompCondition>) -> Result<(), seccompiler::BackendError> {
        self.0.entry(call).or_default().push(SeccompRule::new(conditions)?);
        Ok(())
    }

    fn program(self, otherwise: SeccompAction) -> Result<BpfProgram, seccompiler::BackendError> {
        filter(self, otherwise, SeccompAction::Allow)
    }
}

fn filter(
    rules: Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    SeccompFilter::new(rules.0, otherwise, matched, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// What a worker may do: read and write on this one socket and take memory that cannot be executed.
pub(super) fn worker(socket: RawFd) -> Result<BpfProgram, seccompiler::BackendError> {
    let socket = u32::try_from(socket).unwrap_or(u32::MAX);
    let mut rules = Rules::default();
    rules.allow(WORKER);
    for call in [libc::SYS_read, libc::SYS_recvfrom, libc::SYS_sendto, libc::SYS_write] {
        rules.allow_if(call, vec![is(0, socket)?])?;
    }
    // Standard error, which leads nowhere: what an allocator or the runtime says before it gives up.
    for call in [libc::SYS_write, libc::SYS_writev] {
        rules.allow_if(call, vec![is(0, 2)?])?;
    }
    let (executable, anonymous) = (libc::PROT_EXEC as u64, libc::MAP_ANONYMOUS as u64);
    rules.allow_if(libc::SYS_mmap, vec![masked(2, executable, 0)?, masked(3, anonymous, anonymous)?])?;
    rules.allow_if(libc::SYS_mprotect, vec![masked(2, executable, 0)?])?;
    rules.allow_if(libc::SYS_prctl, vec![masked(0, u64::MAX, PR_SET_VMA)?])?;
    // What the runtime asks before it closes a descriptor.
    rules.allow_if(libc::SYS_fcntl, vec![is(1, libc::F_GETFD.unsigned_abs())?])?;
    // To abort.
    rules.allow_if(libc::SYS_tgkill, vec![is(0, process::id())?])?;
    rules.program(SeccompAction::KillProcess)
}

/// What a program that reads pictures may do. To be applied before [`program`], which forbids to apply more.
///
/// clone3(2) hides its flags from a filter. Where the kernel does not have it, libraries take clone(2).
pub(super) fn without_clone3() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules = Rules::default();
    rules.allow(&[libc::SYS_clone3]);
    filter(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.unsigned_abs()))
}

/// What a program that reads pictures may do: neither sockets nor other processes.
pub(super) fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules = Rules::default();
    rules.allow(PROGRAM);
    rules.allow(PROGRAM_OLD);
    let thread = libc::CLONE_THREAD as u64;
    rules.allow_if(libc::SYS_clone, vec![masked(0, thread, thread)?])?;
    for option in PROGRAM_PRCTL {
        rules.allow_if(libc::SYS_prctl, vec![is(0, option.unsigned_abs())?])?;
    }
    rules.allow_if(libc::SYS_prctl, vec![masked(0, u64::MAX, PR_SET_VMA)?])?;
    rules.program(SeccompAction::Errno(libc::EPERM.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_can_be_made() {
        for program in [worker(3), without_clone3(), program()] {
            assert!(program.unwrap().len() > 5);
        }
    }
}
