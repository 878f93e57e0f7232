"""The app: the only part that knows Streamlit. Shared files and widgets here, then one folder a page and one file a tab.

``pages`` lists all pages, ``frame`` draws what they share, ``case`` is the photo with a model's answer that they pass on,
``evidence`` reads what an audit left, and ``cache`` decides what is remembered and by which key.
"""

from __future__ import annotations
