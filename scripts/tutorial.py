"""The tutorial, as it would be typed in IPython; ``scripts/quickstart`` walks through it and shows each result.

The data are simulated, and need no network. With one, write ``fetch_`` in the place of ``make_`` to get what the
beamlines published.
"""

import numpy
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import databroker_mongo
from databroker_mongo.queries import TimeRange

# Two dozen X-ray absorption runs are stored in a MongoDB of your own, which is started as it is needed.
databroker_mongo.tutorial_utils.make_BMM_example()
catalog = databroker_mongo.catalog["bluesky-tutorial-BMM"]

# A run is found by how recent it is, by its scan_id, or by the first characters of its uid.
catalog[-1]
catalog["c07e765"]
run = catalog[23463]
run

# Search by what was recorded at the start, with MongoDB's query language or with ready-made questions.
results = catalog.search(TimeRange(since="2020-03-05"))
print(f"Results: {len(results)}  Total: {len(catalog)}")
narrowed_results = results.search({"num_points": {"$gt": 400}})
print(f"Narrowed Results: {len(narrowed_results)}  Results: {len(results)}  Total: {len(catalog)}")
len(catalog.search({"XDI.Element.symbol": "Mn"}))

# Each run holds tables, its streams. One is read into an xarray Dataset.
list(run)
ds = run.primary.read()
ds
ds["I0"].head()
type(ds["I0"].data)

# Columns can be calculated with: the absorption of nickel.
absorption = numpy.log(ds["I0"] / ds["It"])
absorption.head()

# How the electrometer was set, when each value was read, and what was known of the sample.
run.primary.config["quadem1"].read()
run.primary.timestamps.read()
run.metadata["start"]["XDI"]["Sample"]

# Now images: two cameras, 128 energies across the carbon K edge.
databroker_mongo.tutorial_utils.make_RSOXS_example()
scattering = databroker_mongo.catalog["bluesky-tutorial-RSOXS"]["777b44a"]
scattering

# Nothing is read yet: these are dask arrays, placeholders to calculate with.
lazy = scattering.primary.to_dask()
lazy["Synced_saxs_image"].data

# Take the dark frames from all others. Only what a result needs is read from the files, when it is asked for.
corrected = lazy["Synced_saxs_image"] - scattering.dark.to_dask()["Synced_saxs_image"].mean("time")
frame = corrected[100, 0, :, :]
frame.compute()

# A picture of both.
figure = Figure(figsize=(11, 4.5), layout="constrained")
left, right = figure.subplots(1, 2)
image = left.imshow(frame, norm=LogNorm(vmin=1), origin="lower")
left.set_title(
    f"scan {scattering.metadata['start']['scan_id']}: corrected frame at {float(lazy['en_energy'][100]):.1f} eV"
)
figure.colorbar(image, ax=left, label="counts")
right.plot(ds["dcm_energy"], ds["I0"] / ds["It"])
right.set(title="scan 23463: nickel K edge", xlabel="energy (eV)", ylabel="I0 / It")
figure.savefig("databroker-mongo-tutorial.png", dpi=120)
