"""The app: the only part that knows Streamlit. Shared files and widgets here, then one folder a page and one file a tab.

``pages`` lists all pages, ``frame`` draws what they share, ``case`` is the photo with a model's answer that they pass on,
``evidence`` reads what an audit left, and ``cache`` decides what is remembered and by which key.
"""

from __future__ import annotations

import os

# Torch's threads wait asleep for each other. By default they spin, and with other sessions on the same cores a step that takes
# 60 ms took 4 s. It is read when torch is loaded, which pages do later.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
