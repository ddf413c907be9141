"""Training, evaluation and reports. The modules are imported one by one, such as ``particlegrid.learn.train``."""

from particlegrid.errors import require

require("torch", "learn")  # says how to install it, before a module below imports it
