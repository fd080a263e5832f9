# The public names, and where each lives: what `import mixupbook as mb` loads on first use, and
# what editors and type checkers read.
from .images.data.cifar10 import load_cifar10 as load_cifar10
from .images.data.digits import load_digits as load_digits
from .images.data.fashion_mnist import load_fashion_mnist as load_fashion_mnist
from .images.data.images import ImageData as ImageData
from .images.data.npz import load_npz as load_npz
from .images.data.subclasses import implant as implant
from .images.data.subclasses import subclass_data as subclass_data
from .images.networks import build_network as build_network
from .images.training.checkpoint import Checkpoint as Checkpoint
from .images.training.evaluation import error_rate as error_rate
from .images.training.evaluation import group_errors as group_errors
from .images.training.evaluation import recalibrate as recalibrate
from .images.training.fit import Run as Run
from .images.training.fit import TrainingInterrupted as TrainingInterrupted
from .images.training.fit import fit as fit
from .images.training.seeds import fit_seeds as fit_seeds
from .mixup.cutmix import CutDraw as CutDraw
from .mixup.cutmix import CutMix as CutMix
from .mixup.draw import Draw as Draw
from .mixup.draw import mix_pairs as mix_pairs
from .mixup.label_maps import label_coefficient as label_coefficient
from .mixup.transform import Mixup as Mixup
from .theory.conservation import conserved_quantity as conserved_quantity
from .theory.conservation import gradient_flow as gradient_flow
from .theory.conservation import orthogonal_sample as orthogonal_sample
from .theory.descent import descend as descend
from .theory.feature_noise import FeatureNoise as FeatureNoise
from .theory.feature_noise import PatchData as PatchData
from .theory.gradients import loss_and_gradient as loss_and_gradient
from .theory.objectives import ExpectedMixup as ExpectedMixup
from .theory.objectives import PairMixup as PairMixup
from .theory.objectives import Standard as Standard
from .theory.patch_objectives import InputNoise as InputNoise
from .theory.patch_objectives import PairCutMix as PairCutMix
from .theory.patch_objectives import PatchDropping as PatchDropping
from .theory.reduced import reduced_dynamics as reduced_dynamics
from .theory.settle import settle as settle
from .theory.sweeps.sweep import sweep as sweep
from .theory.threshold import rare_threshold as rare_threshold
from .theory.windows import needed_window as needed_window
from .theory.windows import time_to_learn as time_to_learn

__all__: list[str]
__version__: str
