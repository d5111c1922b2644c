"""demo.py's page in the browser, served by Gradio.

The page sends no telemetry and makes no requests to other servers. A visitor's photos are shown to
that visitor only.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # must be set before Gradio is imported
