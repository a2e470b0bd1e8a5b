"""What was found, and which of it goes into a privacy report."""

from __future__ import annotations

import datetime
import importlib.metadata
from dataclasses import dataclass
from typing import Final

from appliance.box.evidence import Attempt, AttemptOutcome, Quantity, Results, Tried

#: Attempts of a report: who tries what, in Chinese; the English sentence is the finding's.
ATTEMPTS: Final = {
    "other_seat_gets_nothing": ("seat", "另一坐席用自己的密钥收听他人的通话"),
    "stolen_keys_gets_nothing": ("outsider", "外人从自己的网线使用偷来的坐席密钥"),
    "outsider_gets_nothing": ("outsider", "外人敲遍盒子的端口并发送 ping"),
    "cgroups_without_rules": ("outsider", "撤掉防火墙规则后，外人再次敲门"),
    "no_other_file_changed": ("disk", "通话后比较盒子上的全部文件"),
    "no_file_has_grown": ("disk", "通话后比较磁盘上全部文件的大小"),
    "no_word_in_files": ("disk", "在有变化的文件里查找通话的字句"),
    "no_word_on_disk": ("disk", "在磁盘的全部扇区里查找通话的字句"),
    "no_core_dump_engine@0": ("debugger", "让处理语音的进程崩溃以留下内存转储"),
    "core_files": ("debugger", "崩溃之后查找内存转储文件"),
    "memory_capture": ("debugger", "通话结束后搜索采集进程的内存"),
    "memory_engine": ("debugger", "通话结束后搜索引擎进程的内存"),
    "memory_feed": ("debugger", "通话结束后搜索推送进程的内存"),
    "memory_console": ("debugger", "通话结束后搜索控制台进程的内存"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried."""

    name: str
    #: what was done, in a sentence
    tried: str
    #: what came of it, with figures
    outcome: str
    held: bool
    #: what came through in spite of that, and what may, in seconds of speech
    came: float = 0.0
    budget: float = 0.0


def results(findings: list[Finding], *, virtual: bool) -> Results:
    """The findings that are attempts to get something out, in the form that a report takes."""
    made = []
    for finding in findings:
        if finding.name in ATTEMPTS:
            by, zh = ATTEMPTS[finding.name]
            held: AttemptOutcome = "within_budget" if finding.came else "stopped"
            outcome: AttemptOutcome = held if finding.held else "succeeded"
            reason = None if finding.held else finding.outcome[:400]
            name = finding.name.replace("@", "_")
            budget = Quantity(finding.budget, "s") if finding.budget else None
            came = Quantity(round(finding.came, 2), "s") if finding.came else None
            tried = Tried(zh, finding.tried[:400])
            made.append(Attempt(name, by, tried, outcome, budget, came, reason))
    now = datetime.datetime.now(datetime.timezone.utc)
    version = importlib.metadata.version("ridge-appliance")
    machine = "on a virtual machine" if virtual else "in a container"
    where = f"Debian 12 under systemd {machine}, gateway, seats and an outsider in namespaces"
    return Results("boot", version, f"{now:%Y-%m-%dT%H:%M:%SZ}", tuple(made), where=where)
