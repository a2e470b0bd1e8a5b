"""Every constant of the RID model, with its unit. `MODEL.md` beside this package gives the formulas.

The values are set by hand so that written calls behave as experienced agents say they should
(`tests/profile`). They are no measurement; where a rule of the market or a study sets one, it is named.
"""

from __future__ import annotations

from appliance.profile.constants.advice import *  # noqa: F403
from appliance.profile.constants.demand import *  # noqa: F403
from appliance.profile.constants.evidence import *  # noqa: F403
from appliance.profile.constants.mind import *  # noqa: F403
from appliance.profile.constants.objections import *  # noqa: F403
from appliance.profile.constants.relationship import *  # noqa: F403
from appliance.profile.constants.style import *  # noqa: F403
from appliance.profile.constants.timing import *  # noqa: F403
