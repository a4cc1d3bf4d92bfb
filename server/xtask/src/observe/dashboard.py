import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard


def lost(given, back, at):
    if isinstance(given, dict):
        if not isinstance(back, dict):
            return [at]
        found = []
        for key, value in given.items():
            if key in back:
                found += lost(value, back[key], f"{at}.{key}")
            elif value is not None:
                found.append(f"{at}.{key}")
        return found
    if isinstance(given, list):
        if not isinstance(back, list) or len(given) != len(back):
            return [at]
        pairs = enumerate(zip(given, back))
        return [one for n, (a, b) in pairs for one in lost(a, b, f"{at}[{n}]")]
    return [] if given == back else [f"{at}: {given!r} became {back!r}"]


register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
read = dashboard.Dashboard.from_json(given)
unknown = lost(given, json.loads(json.dumps(read, cls=JSONEncoder)), "")
ids = [panel["id"] for panel in given["panels"]]
if len(set(ids)) != len(ids):
    unknown.append("two panels have one id")
if unknown:
    sys.exit("Grafana's types do not know: " + "; ".join(unknown))
