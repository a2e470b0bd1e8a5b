"""Processes that were taken over, each as its own user in the sandbox of its unit.

What each unit may not reach at all (files, mounts, networks) is tried in `tests/systemd`; here is what would
carry speech out: every kind of socket, ways round the filters, and ways into another process's memory.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversary.attempts import ROOT, Attempts
from tests.systemd.sandbox import NUMBERS, box_in
from tests.systemd.test_sandbox import environment, missing, sandboxed

_missing = missing()
#: Other users reach it; the one of this environment may lie in root's home.
SYSTEM_PYTHON = Path("/usr/bin/python3")
#: Begins every attempt: system calls by their numbers on x86-64, because libc has no functions for most.
PRELUDE = """
import ctypes, errno, mmap, os, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    whole = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    done = libc.syscall(ctypes.c_long(number), *whole)
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return done
pid, address = PID, ADDRESS
"""
#: Holds speech as another user: a process of another unit.
VICTIM = """
import ctypes, time
speech = ctypes.create_string_buffer(b'speech ' * 1000)
print(ctypes.addressof(speech), flush=True)
time.sleep(120)
"""
READ_MEMORY = (
    "b = ctypes.create_string_buffer(8); mine = (ctypes.c_uint64 * 2)(ctypes.addressof(b), 8); "
    "its = (ctypes.c_uint64 * 2)(address, 8); call(310, pid, mine, 1, its, 1, 0)"
)
#: name: Chinese, English, program that ends with 0 where it can be done
ATTEMPTS = {
    "udp": ("用 UDP 发往外网", "Send UDP to another network",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'speech', ('203.0.113.9', 53))"),
    "tcp": ("用 TCP 连往外网", "Connect by TCP to another network",
            "s = socket.socket(); s.settimeout(2); s.connect(('203.0.113.9', 443))"),
    "icmp": ("用 ICMP 发送", "Send by ICMP",
             "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)"),
    "raw": ("用原始套接字发送", "Send by a raw socket",
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)"),
    "packet": ("直接发送以太网帧", "Send Ethernet frames",
               "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
    "netlink": ("用 netlink 改动网络", "Change the network by netlink",
                "s = socket.socket(16, socket.SOCK_RAW, 0); s.bind((0, 0)); "
                "s.send(struct.pack('=IHHIIBBHiII', 32, 16, 5, 1, 0, 0, 0, 0, 1, 1, 1)); "
                "kind = struct.unpack_from('=IHHIIi', s.recv(4096)); exit(kind[1] == 2 and kind[5] < 0)"),
    "vsock": ("用虚拟机套接字", "Use the socket of virtual machines", "socket.socket(socket.AF_VSOCK)"),
    "bluetooth": ("用蓝牙", "Use Bluetooth", "socket.socket(31, socket.SOCK_RAW, 1)"),
    "io_uring": ("用 io_uring 绕过过滤", "Get round the filter by io_uring",
                 "call(425, 8, ctypes.create_string_buffer(248))"),
    "bpf": ("装入内核程序", "Load a program into the kernel",
            "call(321, 0, ctypes.create_string_buffer(128), 128)"),
    "perf_event": ("用性能计数器观察内核", "Watch the kernel by performance counters",
                   "kind = struct.pack('II', 1, 112) + bytes(104); "
                   "call(298, ctypes.create_string_buffer(kind), 0, -1, -1, 0)"),
    "userfaultfd": ("用 userfaultfd", "Use userfaultfd", "call(323, 0)"),
    "ptrace": ("跟踪另一个进程", "Trace another process", "call(101, 16, pid, 0, 0)"),
    "process_vm_readv": ("读取另一进程的内存", "Read another process's memory",
                         READ_MEMORY),
    "proc_mem": ("经 /proc 读取另一进程的内存", "Read another process's memory by /proc",
                 "open(f'/proc/{pid}/mem', 'rb')"),
    "dev_mem": ("读取物理内存", "Read the machine's memory", "open('/dev/mem', 'rb')"),
    "kcore": ("读取内核内存", "Read the kernel's memory", "open('/proc/kcore', 'rb')"),
    "kmsg": ("读取内核日志", "Read the kernel's log", "open('/dev/kmsg', 'rb')"),
    "keyring": ("存进内核密钥环", "Keep it in the kernel's key ring",
                "call(248, b'user', b'speech', b'pcm', 3, -3)"),
    "memfd_exec": ("从内存运行程序", "Run a program from memory",
                   "f = os.memfd_create('x'); os.ftruncate(f, 4096); "
                   "mmap.mmap(f, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"),
    "write_tmp": ("写入临时目录以外的文件", "Write a file", "open('/var/tmp/speech.pcm', 'wb')"),
    "write_etc": ("写入配置", "Write into the configuration", "open('/etc/ridge-speech', 'wb')"),
    "write_run": ("写入运行目录", "Write into the directory of the other zone",
                  "open('/run/ridge-door/x', 'wb')"),
    "set_user": ("变成另一个用户", "Become another user", "os.setuid(0)"),
    "swap": ("把内存换到磁盘", "Have memory written to the disk", "call(167, b'/var/tmp/swap', 0)"),
    "module": ("装入内核模块", "Load a module into the kernel", "call(313, 0, b'', 0)"),
    "kexec": ("换内核以留下内存", "Start another kernel that finds the memory", "call(246, 0, 0, 0, 0)"),
    "core_limit": ("放开内存转储", "Allow core dumps again",
                   "import resource; resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))"),
}  # fmt: skip
#: Sockets of IP are the work of capture and feed; their cgroups and the firewall keep them to their side.
SOCKETS = {"udp", "tcp"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return box_in(tmp_path_factory.mktemp("box"))


@pytest.fixture(scope="module")
def victim() -> Iterator[str]:
    """The prelude of attempts, which knows a process of another user that holds speech, and where."""
    process = subprocess.Popen(
        [str(SYSTEM_PYTHON), "-c", VICTIM], stdout=subprocess.PIPE, text=True, user=64020, group=64020
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        yield PRELUDE.replace("PID", str(process.pid)).replace("ADDRESS", address)
        assert process.poll() is None, "it was killed"
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(_missing is not None, reason=str(_missing))
@pytest.mark.parametrize("command", ["capture", "engine", "feed"])
def test_a_process_that_was_taken_over_finds_no_way_out(
    box: Path, victim: str, attempts: Attempts, command: str
) -> None:
    program = (
        "import json, subprocess, sys\n"
        "attempts, prelude = json.loads(sys.argv[1])\n"
        "for name, attempt in attempts.items():\n"
        "    run = [sys.executable, '-c', prelude + attempt]\n"
        "    done = subprocess.run(run, stderr=subprocess.PIPE, text=True)\n"
        "    print(json.dumps([name, done.returncode, done.stderr[-200:]]), flush=True)\n"
    )
    tried = {"nothing": "", **{name: program for name, (_, _, program) in ATTEMPTS.items()}}
    done = subprocess.run(
        sandboxed(command, box, "-c", program, json.dumps([tried, victim])),
        env=environment(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    results = {name: (status, said) for name, status, said in map(json.loads, done.stdout.splitlines())}
    assert set(results) == set(tried), done.stderr
    assert results["nothing"][0] == 0, "programs run in the sandbox, so that what fails is what was tried"
    leaks = []
    for name, (zh, en, _) in ATTEMPTS.items():
        if name in SOCKETS and command != "engine":
            # `tools/boot` and `tests/box` try where these lead.
            continue
        status, said = results[name]
        assert status == 0 or "Error" in said or status == 1, f"{name} is no attempt: {said}"
        try:
            attempts.stopped(f"{command}.{name}", command, zh, en, came=None if status else f"it can: {en}")
        except AssertionError as error:
            leaks.append(str(error))
    assert not leaks


#: What capture does, by the path that its configuration gives, and by the one where the link leads.
TELL_OF_A_CALL = """
import socket
line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for path in ('/run/ridge/calls.sock', '/run/ridge-calls/calls.sock'):
    try:
        line.sendto(b'a call', path)
    except OSError as error:
        print(type(error).__name__)
    else:
        print('sent')
"""


@pytest.mark.skipif(_missing is not None, reason=str(_missing))
def test_only_capture_tells_the_feed_which_calls_there_are(box: Path, attempts: Attempts) -> None:
    path = box / "run/ridge-calls/calls.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as feed:
        feed.bind(str(path))
        os.chown(path, NUMBERS["ridge-feed"], NUMBERS["ridge-calls"])
        path.chmod(0o620)
        said = {}
        for command in ("capture", "engine", "console"):
            done = subprocess.run(
                sandboxed(command, box, "-c", TELL_OF_A_CALL),
                env=environment(), cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
            )  # fmt: skip
            said[command] = done.stdout.split()
    path.unlink()
    assert said["capture"] == ["sent", "sent"], "the socket is there, so that what fails is what was tried"
    for command in ("engine", "console"):
        came = "it can" if "sent" in said[command] else None
        attempts.stopped(
            f"{command}.tells_of_calls", command, "向推送进程虚报通话",
            "Tell the feed of a call that capture does not have", came=came,
        )  # fmt: skip


#: What a debugger of another user, without root, tries at a process that holds speech.
DEBUGGER = {
    "mem": (
        "另一用户经 /proc 读取内存", "Another user reads the memory by /proc",
        "open(f'/proc/{pid}/mem', 'rb')",
    ),
    "maps": (
        "另一用户读取内存布局", "Another user reads what lies where", "open(f'/proc/{pid}/maps').read(1)"
    ),
    "environ": (
        "另一用户读取环境变量", "Another user reads the environment", "open(f'/proc/{pid}/environ').read(1)"
    ),
    "fd": ("另一用户列出打开的文件", "Another user lists the open files", "os.listdir(f'/proc/{pid}/fd')"),
    "ptrace": ("另一用户跟踪进程", "Another user traces the process", "call(101, 16, pid, 0, 0)"),
    "process_vm_readv": (
        "另一用户直接读取内存", "Another user reads the memory directly", READ_MEMORY
    ),
    "pidfd_getfd": (
        "另一用户取走打开的套接字", "Another user takes an open socket", "call(438, call(434, pid, 0), 0, 0)"
    ),
    "signal": (
        "另一用户终止进程以留下转储", "Another user ends it, to leave a core dump",
        "os.kill(pid, signal.SIGSEGV)"
    ),
}  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_a_debugger_of_another_user_reads_nothing(victim: str, attempts: Attempts) -> None:
    for name, (zh, en, attempt) in DEBUGGER.items():
        done = subprocess.run(
            [str(SYSTEM_PYTHON), "-c", victim + attempt],
            user=64099, group=64099, extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Error" in done.stderr or done.returncode == 0, done.stderr
        attempts.stopped(f"debugger.{name}", "debugger", zh, en, came=None if done.returncode else en)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads another user's memory")
def test_root_reads_it_so_that_what_others_fail_at_is_no_mistake_of_the_test(victim: str) -> None:
    for attempt in (READ_MEMORY, "open(f'/proc/{pid}/mem', 'rb').seek(address)"):
        subprocess.run([str(SYSTEM_PYTHON), "-c", victim + attempt], check=True)
