"""Judges files of inputs of PutMetricAlarm by botocore's model of CloudWatch; prints what is wrong, a line each."""

import json
import re
import sys

from botocore.session import Session
from botocore.validate import ParamValidator

SHAPE = Session().get_service_model("cloudwatch").operation_model("PutMetricAlarm").input_shape


def faults(shape, value, path):
    """What botocore leaves to the server although its model says it: upper bounds, choices, patterns."""
    if shape.type_name == "structure":
        for name, part in value.items():
            yield from faults(shape.members[name], part, f"{path}.{name}")
        return
    if shape.type_name == "list":
        for at, part in enumerate(value):
            yield from faults(shape.member, part, f"{path}[{at}]")
    said = shape.metadata
    size = len(value) if isinstance(value, (str, list)) else value
    if "max" in said and size > said["max"]:
        yield f"{path}: {size} is more than {said['max']}"
    if "enum" in said and value not in said["enum"]:
        yield f"{path}: {value!r} is none of {said['enum']}"
    if "pattern" in said and not re.fullmatch(said["pattern"], value):
        yield f"{path}: {value!r} does not match {said['pattern']}"


def judged(path):
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    report = ParamValidator().validate(value, SHAPE)
    if report.has_errors():
        return report.generate_report().splitlines()
    return list(faults(SHAPE, value, "input"))


wrong = [f"{path}: {fault}" for path in sys.argv[1:] for fault in judged(path)]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
