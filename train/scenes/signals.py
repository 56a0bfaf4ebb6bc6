"""What a field can be fitted to beside rays: pictures, signed distances of closed meshes, one-dimensional signals.

Everything becomes a `Signal`, samples at places of the unit square; how they are learnt is
`inkling.train.fields.training`.
"""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.extras import advice
from inkling.train.scenes.mesh import Mesh, require_closed

F32: TypeAlias = NDArray[np.float32]
Meaning: TypeAlias = Literal["picture", "visibility", "sdf", "signal"]

MEANINGS = ("picture", "visibility", "sdf", "signal")

MAX_PIXELS = 2**25  # a picture of 8K; places and values of more would not fit into 2 GB
MAX_FILE_BYTES = 2**29
MAX_SAMPLES = 2**26
# Others of pillow's decoders are seldom read, and one starts a program.
PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SAMPLES = ("astronaut", "camera", "coffee", "chelsea", "rocket")


@dataclass(frozen=True, eq=False)
class Signal:
    """entry int32 [N], uv float32 [N, 2] in [0, 1] and values float32 [N, out] in 0..1 (sdf: metres).

    entries: how many there are; shape: (height, width) where the samples are the texels of a picture, row by row.
    """

    name: str
    meaning: Meaning
    entry: NDArray[np.int32]
    uv: F32
    values: F32
    entries: int = 1
    shape: tuple[int, int] | None = None


def texel_places(height: int, width: int) -> F32:
    """uv, float32 [height * width, 2], of a picture's texels; the outermost lie on the edge of the square."""
    places = np.empty((height, width, 2), np.float32)
    places[:, :, 0] = np.linspace(0, 1, width) if width > 1 else 0
    places[:, :, 1] = (np.linspace(0, 1, height) if height > 1 else np.zeros(1))[:, None]
    return places.reshape(-1, 2)


def picture(name: str, pixels: NDArray[np.integer] | NDArray[np.floating]) -> Signal:
    """Pixels [height, width] or [height, width, 1..4], uint8 or floats in 0..1, as a signal; alpha is dropped."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or 0 in pixels.shape or pixels.shape[2] > 4:
        raise InputError(f"{name}: a picture is [height, width] or [height, width, 1..4], not {pixels.shape}")
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise InputError(f"{name}: the picture has more than {MAX_PIXELS} pixels; scale it down")
    values = pixels[:, :, : 3 if pixels.shape[2] >= 3 else 1].astype(np.float32)
    if pixels.dtype == np.uint8:
        values /= 255
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise InputError(f"{name}: pixels must be uint8 or finite floats in 0..1")
    height, width, channels = values.shape
    n = height * width
    return Signal(
        name,
        "picture",
        np.zeros(n, np.int32),
        texel_places(height, width),
        values.reshape(n, channels),
        shape=(height, width),
    )


def load_picture(source: str | Path) -> Signal:
    """A picture file, or the name of one of scikit-image's samples. Raises InputError for what cannot be used."""
    if str(source) in SAMPLES:
        try:
            from skimage import data
        except ImportError as error:
            raise InputError(f"sample pictures need scikit-image: {advice('fields', 'scikit-image')}") from error
        return picture(str(source), getattr(data, str(source))())
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{path}: there is no such picture; give a file or one of {', '.join(SAMPLES)}")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"{path}: is larger than {MAX_FILE_BYTES} bytes")
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError(f"pictures need pillow: {advice('fields', 'pillow')}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise InputError(f"{path}: has {image.width} x {image.height} pixels, more than {MAX_PIXELS}")
                grey = image.mode in ("1", "L", "LA", "I", "I;16", "F")
                pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except InputError:
        raise
    except Exception as error:  # decoders raise anything at all on hostile bytes
        raise InputError(f"{path}: cannot be read as a picture ({type(error).__name__}: {error})") from error
    return picture(path.stem, pixels)


def one_dimensional(name: str, values: NDArray[np.floating]) -> Signal:
    """A series, float [N] or [N, channels], at least 2 samples, scaled to 0..1; u runs along it and v is 0."""
    series = np.asarray(values, np.float64)
    series = series[:, None] if series.ndim == 1 else series
    if series.ndim != 2 or len(series) < 2 or series.shape[1] < 1 or series.size > MAX_SAMPLES:
        raise InputError(f"{name}: a signal has 2 to {MAX_SAMPLES} samples, [N] or [N, channels]")
    if not np.isfinite(series).all():
        raise InputError(f"{name}: sample {int(np.argmax(~np.isfinite(series).all(1)))} is not finite")
    low, high = series.min(), series.max()
    scaled = (series - low) / (high - low) if high > low else np.zeros_like(series)
    n = len(series)
    uv = np.stack([np.linspace(0, 1, n), np.zeros(n)], axis=1).astype(np.float32)
    return Signal(name, "signal", np.zeros(n, np.int32), uv, scaled.astype(np.float32))


def signed_distance(mesh: Mesh, places: NDArray[np.floating], batch: int = 256) -> F32:
    """Exact signed distance of places, float [N, 3], to a closed mesh: negative inside, float32 [N].

    The nearest triangle by brute force (Ericson, Real-Time Collision Detection, 5.1.5), the sign by the winding
    number (Van Oosterom and Strackee, 1983). Raises InputError unless the mesh is closed.
    """
    require_closed(mesh)
    corners = mesh.vertices.astype(np.float64)[mesh.triangles]
    step = max(1, min(batch, 4_000_000 // len(corners)))
    found = [_signed(corners, np.asarray(places[k : k + step], np.float64)) for k in range(0, len(places), step)]
    return np.concatenate(found).astype(np.float32) if found else np.zeros(0, np.float32)


def _signed(corners: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = (corners[None, :, k] - places[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(x, axis=2) for x in (a, b, c))
    triple = np.einsum("nmi,nmi->nm", a, np.cross(b, c))
    denominator = la * lb * lc + (a * b).sum(2) * lc + (b * c).sum(2) * la + (c * a).sum(2) * lb
    winding = np.arctan2(triple, denominator).sum(1) / (2 * math.pi)
    squared = np.minimum(_segment(a, b), np.minimum(_segment(b, c), _segment(c, a)))
    normal = np.cross(b - a, c - a)
    area = (normal * normal).sum(2)
    inside = np.ones(area.shape, bool)
    for p, q in ((a, b), (b, c), (c, a)):
        inside &= (np.cross(q - p, -p) * normal).sum(2) >= 0
    height = (a * normal).sum(2) ** 2 / np.maximum(area, 1e-300)
    squared = np.where(inside & (area > 0), height, squared)
    distance: NDArray[np.float64] = np.sqrt(squared.min(1)) * np.where(winding > 0.5, -1, 1)
    return distance


def _segment(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance from the origin to segments p..q."""
    edge = q - p
    t = np.clip(-(p * edge).sum(2) / np.maximum((edge * edge).sum(2), 1e-300), 0, 1)
    nearest = p + t[:, :, None] * edge
    squared: NDArray[np.float64] = (nearest * nearest).sum(2)
    return squared


def shape(mesh: Mesh, resolution: int, slices: int, occupancy: bool = False) -> Signal:
    """Signed distance, in metres, or occupancy (1 inside) of a closed mesh on horizontal slices of its padded box.

    Every slice is an entry: uv are x and y in the box grown by a tenth. Raises InputError for open meshes.
    """
    if not 2 <= resolution <= 4096 or not 1 <= slices <= 4096 or resolution**2 * slices > MAX_SAMPLES:
        raise InputError(f"{mesh.name}: {resolution} x {resolution} places on {slices} slices: give fewer")
    uv = np.tile(texel_places(resolution, resolution), (slices, 1))
    entry = np.repeat(np.arange(slices, dtype=np.int32), resolution**2)
    return _slices(mesh, slices, entry, uv, occupancy)


def shape_at(mesh: Mesh, slices: int, count: int, rng: np.random.Generator, occupancy: bool = False) -> Signal:
    """As `shape`, at `count` places drawn at random on all slices: what a field of it can be measured on."""
    if not 1 <= count <= MAX_SAMPLES or not 1 <= slices <= 4096:
        raise InputError(f"{mesh.name}: {count} places on {slices} slices: give fewer")
    entry = rng.integers(slices, size=count, dtype=np.int32)
    return _slices(mesh, slices, entry, rng.random((count, 2), np.float32), occupancy)


def box(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The corners, float64 [3] each, of the box that distances are learnt in: the mesh's own, grown by a tenth."""
    low, high = mesh.bounds
    return low - 0.1 * (high - low), high + 0.1 * (high - low)


def _slices(mesh: Mesh, slices: int, entry: NDArray[np.int32], uv: F32, occupancy: bool) -> Signal:
    low, high = box(mesh)
    z = low[2] + (high[2] - low[2]) * (entry + 0.5) / slices
    places = np.concatenate([low[:2] + uv * (high - low)[:2], z[:, None]], axis=1)
    values = signed_distance(mesh, places)[:, None]
    if occupancy:
        values = (values < 0).astype(np.float32)
    return Signal(mesh.name, "sdf", entry, uv, values, slices)


def psnr(values: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """Peak signal-to-noise ratio in dB of values in 0..1, of any equal shapes, clipped to 0..1."""
    error = np.clip(values, 0, 1).astype(np.float64) - truth
    return float(-10 * np.log10(max((error**2).mean(), 1e-12)))
