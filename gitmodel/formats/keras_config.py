"""What the configuration of a Keras model makes a program run that loads the model.

Keras builds a model from JSON: objects are named by class, module and registration. Sources:
https://github.com/keras-team/keras/blob/master/keras/src/saving/serialization_lib.py and
https://keras.io/guides/serialization_and_saving/

`code` is `none` if every object is of a class of the list below, which are Keras's own classes that build layers,
optimizers, losses and the like from numbers and texts. It is `yes` for everything else: `Lambda` (Python bytecode
in the file), layers that wrap other programs (`TFSMLayer`, `TorchModuleWrapper`, `JaxLayer`), calls of functions
that the file names (`TFOpLambda`), classes that somebody registered, and modules outside Keras.

Guarantee: no recursion; a configuration has at most 8 MiB and 500,000 values, and what has more is `unknown`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from gitmodel.formats.description import Code

MAX_CONFIG: Final = 8 << 20  # 8 MiB
_MAX_VALUES: Final = 500_000
_MAX_ARCH: Final = 200
# Modules whose classes of the list are Keras's own.
_MODULE: Final = lazy_compile(
    r"(?:tf_keras|keras|tensorflow\.(?:python\.)?keras)(?:\.src)?"
    r"(?:\.(?:layers|models|optimizers|losses|metrics|initializers|regularizers|constraints|dtype_policies"
    r"|activations|applications|engine|quantizers|random|schedules|mixed_precision|dtype_policies)(?:\.[a-z0-9_]+){0,3})?"
)
_OPERATION: Final = lazy_compile(r"keras(?:\.src)?\.ops(?:\.(?:numpy|nn|math|linalg|image))?")
# Operations of `keras.ops.core` that take no function.
_CORE: Final = "keras.src.ops.core"
_CORE_OPERATIONS: Final = frozenset(
    {
        "Arange",
        "Cast",
        "ConvertToTensor",
        "Scatter",
        "ScatterUpdate",
        "Shape",
        "Slice",
        "SliceUpdate",
    }
    | {"StopGradient", "Unstack"}
)
_CAMEL: Final = lazy_compile(r"[A-Z][A-Za-z0-9]{0,60}")
# Values that are written as an object of a class.
_VALUES: Final = frozenset(
    {
        "__keras_tensor__",
        "__tensor__",
        "__numpy__",
        "__bytes__",
        "__ellipsis__",
        "__tuple__",
        "__slice__",
    }
    | {"function", "TensorShape", "slice", "tuple", "CONSTANT_VALUE", "_CONSTANT_VALUE"}
)
_CLASSES: Final = frozenset(
    """
    AUC AWQConfig AWQDTypePolicy AbsMaxQuantizer Accuracy Activation ActivityRegularization Adadelta Adafactor
    Adagrad Adam AdamW Adamax AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention
    AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D
    BatchNormalization Bidirectional BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy BinaryIoU CTC
    CategoricalAccuracy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy
    CategoricalHinge CategoryEncoding CenterCrop Circle Concatenate ConcordanceCorrelation Constant Constraint
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
    Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose CosineDecay CosineDecayRestarts CosineSimilarity
    Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix DTypePolicy DTypePolicyMap Dense DepthwiseConv1D
    DepthwiseConv2D Dice Discretization Dot Dropout ELU EinsumDense Embedding Equalization ExponentialDecay
    F1Score FBetaScore FalseNegatives FalsePositives Flatten Float8QuantizationConfig FloatDTypePolicy Ftrl
    Functional GPTQConfig GPTQDTypePolicy GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D
    GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GlorotNormal GlorotUniform GroupNormalization GroupQueryAttention HashedCrossing Hashing HeNormal HeUniform
    Hinge Huber Identity IdentityInitializer Initializer InputLayer Int4DTypePolicy Int4QuantizationConfig
    Int8QuantizationConfig IntegerLookup InverseTimeDecay IoU KLDivergence KerasTensor L1 L1L2 L2 LSTM LSTMCell
    Lamb LayerNormalization LayerScale LeakyReLU LearningRateSchedule LecunNormal LecunUniform Lion LocallyConnected1D
    LocallyConnected2D LogCosh LogCoshError Loss LossFunctionWrapper LossScaleOptimizer Masking MaxNorm
    MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum Mean
    MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredError
    MeanSquaredLogarithmicError MelSpectrogram Metric MinMaxNorm Minimum MixUp MultiHeadAttention MultiOptimizer
    Multiply Muon Nadam NonNeg Normalization OneHotIoU OneHotMeanIoU Ones Optimizer OptimizerMap Orthogonal
    OrthogonalInitializer OrthogonalRegularizer PReLU PearsonCorrelation Permute PiecewiseConstantDecay Pipeline
    Poisson Policy PolynomialDecay Precision PrecisionAtRecall QuantizationConfig QuantizedDTypePolicy
    QuantizedFloat8DTypePolicy Quantizer R2Score RMSNormalization RMSprop RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform RandomErasing
    RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomNormal
    RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomUniform RandomWidth RandomZoom ReLU Recall RecallAtPrecision Regularizer
    RepeatVector Rescaling Reshape Resizing ReversibleEmbedding RootMeanSquaredError SGD STFT STFTInitializer
    STFTSpectrogram ScheduleFreeAdamW SeedGenerator SensitivityAtSpecificity SeparableConv1D SeparableConv2D
    SeparableConvolution1D SeparableConvolution2D Sequential SimpleRNN SimpleRNNCell Softmax Solarization
    SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpecificityAtSensitivity SpectralNormalization SquaredHinge
    StackedRNNCells StringLookup Subtract Sum TextVectorization ThresholdedReLU TimeDistributed
    TopKCategoricalAccuracy TrueNegatives TruePositives TruncatedNormal Tversky UnitNorm UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D VarianceScaling Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D
    Zeros
    """.split()  # noqa: SIM905  (a list of words, which somebody may compare with Keras's)
)

# Functions that configurations name: activations, losses, metrics.
_FUNCTIONS: Final = frozenset(
    """
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy
    categorical_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy
    categorical_hinge celu circle concordance_correlation cosine_similarity ctc dice elu exponential gelu
    glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh hinge huber kl_divergence leaky_relu linear
    log_cosh log_sigmoid log_softmax mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error mish pearson_correlation poisson relu relu6 selu sigmoid silu soft_shrink
    softmax softplus softsign sparse_categorical_accuracy sparse_categorical_crossentropy sparse_plus
    sparse_sigmoid sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus swish tanh
    tanh_shrink threshold top_k_categorical_accuracy tversky
    """.split()  # noqa: SIM905
)


class KerasConfig(NamedTuple):
    """What a configuration says: the class of the model, and what it makes a loader run."""

    arch: str | None
    code: Code


def judge(config: bytes, *, is_model: bool = True) -> KerasConfig:
    """Read a configuration in JSON: of a model, or of its training. What is none is `unknown`."""
    root = _parsed(config)
    if not isinstance(root, dict):
        return KerasConfig(None, "unknown")
    name = root.get("class_name")
    if is_model and not isinstance(name, str):
        return KerasConfig(None, "unknown")
    return KerasConfig(name[:_MAX_ARCH] if isinstance(name, str) else None, _code(root))


def _parsed(config: bytes) -> object:
    if len(config) > MAX_CONFIG:
        return None
    try:
        return json.loads(config.decode("utf-8"))
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        return None


def _code(root: object) -> Code:
    values = [root]
    count = 0
    while values:
        value = values.pop()
        count += 1
        if count > _MAX_VALUES:
            return "unknown"
        if isinstance(value, list):
            values += value
        elif isinstance(value, dict):
            if not _is_plain(value):
                return "yes"
            values += value.values()
    return "none"


def _is_plain(value: dict[str, object]) -> bool:
    """Whether an object of JSON is a value, or of a class whose building runs nothing of the file."""
    if "__lambda__" in value or value.get("function_type") == "lambda":
        return False
    if "class_name" not in value:
        return True
    name, module, registered = (
        value.get(key) for key in ("class_name", "module", "registered_name")
    )
    if not isinstance(name, str) or not isinstance(module, str | None):
        return False
    if name == "function":
        function = value.get("config")
        return module in {None, "builtins"} and isinstance(function, str) and function in _FUNCTIONS
    if module is not None and _OPERATION.fullmatch(module):
        is_own = bool(_CAMEL.fullmatch(name))
    elif module == _CORE:
        is_own = name in _CORE_OPERATIONS
    else:
        is_known = name in _CLASSES or name in _VALUES
        is_own = is_known and (
            module in {None, "builtins"} or bool(_MODULE.fullmatch(module or ""))
        )
    return is_own and registered in (None, name)
