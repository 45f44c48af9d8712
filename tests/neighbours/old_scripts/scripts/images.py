from beamline import Frames
from databroker import Broker

db = Broker.named("beamline")
db.reg.register_handler("NPY_FRAMES", Frames, overwrite=True)
images = db.get_images(db[2], "img")
result = {
    "number": len(images),
    "shape": list(images.frame_shape),
    "type": str(images.pixel_type),
    "first": images[0].tolist(),
    "last": images[-1].tolist(),
    "slice": [image.tolist() for image in images[1:3]],
    "all": [image.tolist() for image in images],
}
