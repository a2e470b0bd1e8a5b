import subprocess
import sys

from appliance.box.status.confinement import measure

_LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import ctypes
assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
from appliance.box.status.confinement import measure
got = measure()
print(got.no_new_privileges, got.core_dumps, got.internet)
"""


def test_what_a_process_gave_up_is_seen():
    told = subprocess.run([sys.executable, "-c", _LIMITED], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "False", "True"]


def test_a_test_run_is_not_confined():
    assert measure().internet
