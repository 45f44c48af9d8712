"""Run scripts of databroker 1 under a package, and write what each leaves in ``result`` as JSON.

    python run_scripts.py PACKAGE DIRECTORY OUTPUT

Nothing in a script is changed but the name of the package in ``from databroker import ...``.
"""

import json
import math
import sys
import warnings
from collections.abc import Mapping, Set
from pathlib import Path

import numpy as np
import pandas
import xarray

IMPORT = "from databroker import"


def plain(value):
    """Return a result as JSON has it, in a form that tells any two different results apart."""
    for kind, convert in _CONVERSIONS:
        if isinstance(value, kind):
            return convert(value)
    return [plain(each) for each in value]


def _number(value):
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return value


def _array(array):
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": plain(array.tolist())}


def _table(table):
    columns = {str(name): _column(table[name]) for name in table.columns}
    return {"columns": columns, "index": plain(table.index.tolist()), "index name": table.index.name}


def _column(column):
    if column.dtype.kind == "M":
        return {"dtype": column.dtype.kind, "values": column.astype("datetime64[ns]").astype("int64").tolist()}
    return {"dtype": str(column.dtype), "values": [plain(each) for each in column.tolist()]}


def _dataset(dataset):
    variables = {
        str(name): {"dims": list(dataset[name].dims), **_array(np.asarray(dataset[name].data))}
        for name in dataset.variables
    }
    return {"coords": sorted(map(str, dataset.coords)), "variables": variables}


_CONVERSIONS = [
    ((str, bool, type(None)), lambda value: value),
    ((np.ndarray,), _array),
    ((np.generic,), lambda value: {"dtype": str(value.dtype), "value": plain(value.item())}),
    ((int, float), _number),
    ((pandas.DataFrame,), _table),
    ((xarray.Dataset,), _dataset),
    ((Mapping,), lambda value: {str(key): plain(each) for key, each in value.items()}),
    ((Set,), lambda value: sorted(map(str, value))),
]


def run(script, package):
    """Return the result of one script, or the error that it ended with."""
    namespace = {"__name__": "__main__"}
    try:
        exec(compile(script.read_text().replace(IMPORT, f"from {package} import"), str(script), "exec"), namespace)
        return plain(namespace["result"])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    package, directory, output = sys.argv[1:]
    warnings.simplefilter("ignore")
    results = {script.stem: run(script, package) for script in sorted(Path(directory).glob("*.py"))}
    Path(output).write_text(json.dumps(results))
