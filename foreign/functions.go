package foreign

import (
	"strings"
	"sync"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops" // for their Aliases
)

// names makes a table that maps names of other tools to the name here, or to advice,
// which contains a space. Each row is written as the result, then all names for it.
func names(rows ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(rows); i += 2 {
		for _, name := range strings.Fields(rows[i+1]) {
			m[name] = rows[i]
		}
	}
	return m
}

// functions are layers, losses, schedules, and operations that don't exist here; the
// names of existing operations are in their Aliases. In advice, x is the first argument
// and y the second.
var functions = names(
	"Linear", "Dense FullyConnected Affine",
	"Embedding", "nn_embedding",
	"InstanceNorm", "InstanceNorm1d InstanceNorm2d InstanceNorm3d InstanceNormalization instance_norm",
	"LocalResponseNorm", "local_response_norm LRN",
	"BatchNorm", "BatchNorm1d BatchNorm2d BatchNorm3d BatchNormalization SyncBatchNorm",
	"RNN", "SimpleRNN",
	"LayerNorm", "LayerNormalization",
	"GroupNorm", "GroupNormalization",
	"SelfAttention", "MultiheadAttention MultiHeadAttention MHA Attention",
	"scaled_dot_product_attention", "flash_attention memory_efficient_attention",
	"TransformerBlock", "TransformerEncoderLayer Transformer TransformerLayer",
	"MLP", "FeedForward FFN",

	"mse_loss", "MSE MSELoss MeanSquaredError mean_squared_error l2_loss",
	"l1_loss", "MAE L1Loss MeanAbsoluteError mean_absolute_error",
	"huber_loss", "HuberLoss Huber huber",
	"smooth_l1_loss", "SmoothL1Loss",
	"cross_entropy", "CrossEntropyLoss CrossEntropy crossentropy cross_entropy_loss sparse_categorical_crossentropy SparseCategoricalCrossentropy softmax_cross_entropy sparse_softmax_cross_entropy_with_logits",
	"soft_cross_entropy", "categorical_crossentropy CategoricalCrossentropy softmax_cross_entropy_with_logits",
	"binary_cross_entropy_with_logits", "BCEWithLogitsLoss bce sigmoid_cross_entropy_with_logits",
	"binary_cross_entropy", "BCELoss binary_crossentropy BinaryCrossentropy",
	"kl_div", "KLDivLoss KLDivergence kl_divergence",
	"nll_loss", "NLLLoss",
	"rmse", "RMSE RMSELoss root_mean_squared_error",
	"write mean(abs((x - y) / y))", "mape MAPE mean_absolute_percentage_error MeanAbsolutePercentageError",
	"write mean(maximum(0, 1 - x * y))", "hinge Hinge hinge_loss",
	"hinge_embedding_loss", "HingeEmbeddingLoss",
	"soft_margin_loss", "SoftMarginLoss",
	"multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss",
	"multi_margin_loss", "MultiMarginLoss",
	"margin_ranking_loss", "MarginRankingLoss",
	"triplet_margin_loss", "TripletMarginLoss triplet_loss TripletLoss",
	"cosine_embedding_loss", "CosineEmbeddingLoss",
	"gaussian_nll_loss", "GaussianNLLLoss",
	"poisson_nll_loss", "PoissonNLLLoss Poisson",
	"cosine_similarity", "CosineSimilarity",
	"there is no such loss; any scalar can be a loss", "CTCLoss ctc_loss",

	"constant_lr", "ConstantLR",
	"step_lr", "StepLR",
	"exponential_lr", "ExponentialLR ExponentialDecay",
	"cosine_annealing_lr", "CosineAnnealingLR CosineDecay CosineAnnealing",
	"linear_lr", "LinearLR",
	"warmup_cosine", "get_cosine_schedule_with_warmup WarmupCosine cosine_with_warmup",
	"warmup_linear", "get_linear_schedule_with_warmup OneCycleLR",
	"a schedule depends on step only, not on metrics", "ReduceLROnPlateau",

	"selu", "SELU",
	"mish", "Mish",
	"celu", "CELU",
	"hardtanh", "Hardtanh",
	"relu6", "ReLU6",

	"hardsigmoid", "Hardsigmoid hard_sigmoid",
	"hardswish", "Hardswish hard_swish",
	"write x / (1 + abs(x))", "softsign Softsign",
	"write -softplus(-x)", "logsigmoid LogSigmoid log_sigmoid",
	"tanhshrink", "Tanhshrink",
	"softshrink", "Softshrink",
	"hardshrink", "Hardshrink",
	"threshold", "Threshold",
	"softmin", "Softmin",
	"write x * sigmoid(1.702 * x)", "quick_gelu QuickGELU",
	"PReLU", "prelu",
	"write leaky_relu(x, 0.25)", "rrelu RReLU",
	"glu", "GLU",
	"use the module SwiGLU, or write silu(x) * y", "swiglu",
	"write gelu(x) * y", "geglu GEGLU",
	"write (exp(x) - exp(-x)) / 2", "sinh",
	"write (exp(x) + exp(-x)) / 2", "cosh",
	"write log(x) / 2.302585092994046", "log10",
	"write 1 - erf(x)", "erfc",
	"norm", "vector_norm",
	"write norm(x - y)", "dist",
	"pairwise_distance", "PairwiseDistance",
	"normalize", "l2_normalize",
	"write maximum(x, 0)", "clamp_min",
	"write minimum(x, 0)", "clamp_max",
	`write cast(x > 0, "f32")`, "heaviside",
	"write all(isclose(x, y))", "allclose",
	"write all(x == y)", "equal array_equal",
	`write 0.1 * cast(arange(10), "f32")`, "linspace",
	"write sum(x != 0)", "count_nonzero",
	`write cast(uniform(0, 1, [16, 16]) < x, "f32")`, "bernoulli",
	"write uniform(0, 1, [16, 16])", "rand random",
	"write normal(0, 1, [16, 16])", "randn standard_normal",
	"write uniform(0, 1, [16, 16]); the shape must be given", "rand_like",
	"write normal(0, 1, [16, 16]); the shape must be given", "randn_like",
	"write slice(x, 0, 0, 8); each part is a separate node", "split chunk unbind narrow tensor_split",
	"write squeeze(slice(x, 0, 0, 1), 0)", "select",
	"outer", "ger",
	"write diagonal(x)", "diag",
	"write unsqueeze(x, -1) * eye(16)", "diag_embed",
	"write full([2, 3], 1.5); a number next to a tensor needs no conversion", "tensor constant as_tensor array convert_to_tensor",
	"a tensor is a value and needs no copy", "clone copy contiguous identity Identity",
	"accuracy", "Accuracy acc accuracy_score",
	"top_k_accuracy", "top_k_accuracy_score TopKCategoricalAccuracy",
	"precision", "Precision precision_score",
	"recall", "Recall recall_score sensitivity",
	"f1", "F1 f1_score F1Score",
	"auc", "AUC AUROC auroc roc_auc roc_auc_score",
	"confusion_matrix", "ConfusionMatrix",
	"r2", "R2 R2Score r2_score",
	"perplexity", "Perplexity ppl",
	"bincount", "histogram histc",
	"write Embedding(arange(16), 16, 32); add it to the token embedding", "PositionalEncoding positional_encoding",

	"give the size a name in an input's type, f32[batch, 8], and use that", "size len",
	"give the sizes names in an input's type, f32[batch, 8], and use those", "shape",
	"to print a value, make it a metric: train.metrics", "print",
	"use einsum, or matmul with permute and reshape", "tensordot",
	"use reshape and permute", "einops rearrange",
	"inverse trigonometric functions are not supported", "arcsin arccos arctan asin acos atan atan2 asinh acosh atanh",
	"this special function is not supported", "erfinv lgamma digamma gamma gammaln igamma polygamma i0 bessel",
	"topk", "top_k",
	"sort", "msort",
	"write quantile(x, 0.95)", "percentile",
	"bucketize", "digitize",
	"write argmax(bincount(target, 16)); for integers from 0 to 15", "mode",
	"of linear algebra there are matmul, einsum, cholesky, triangular_solve, solve and qr; the inverse times b is solve(a, b)", "svd inv inverse pinv det logdet slogdet eig eigh eigvals lstsq lu matrix_exp kron",
	"Fourier transforms are not supported", "fft ifft rfft irfft fft2 stft istft",
	"shapes can't depend on data; write where(mask, x, 0) with a mask", "nonzero argwhere masked_select unique",
	"the random operations are randint, uniform and normal", "multinomial randperm shuffle exponential poisson gumbel_softmax Categorical",
	"there are no loops; to apply a module position by position, write {Module: x, scan: 1}", "enumerate zip scan while_loop for_loop fori_loop",
	"operations already apply to all elements", "map vmap vectorize apply",
	"the whole program is always compiled", "jit compile checkpoint",
	"use repeat for identical layers: {Linear: x, out_features: 8, repeat: 3}", "ModuleList TimeDistributed",
	"make each layer a node that names the previous one as its input", "Sequential",
	"declare a module under `modules:` and call it by name", "Module Layer Model",
	"add the input to the result: y: x + f(x)", "Residual SkipConnection residual",
	"call an activation by its lowercase name: relu(x)", "Activation",
	`declare inputs under model.inputs: {x: "f32[32, 8]"}`, "Input InputLayer placeholder",
	"declare parameters in a module: modules: {M: {params: {w: {shape: [8], init: 0}}, …}}", "Parameter Variable get_variable",
	"use the expression itself", "Lambda lambda",
	"Conv1d", "Conv1D",
	"Conv2d", "Conv2D",
	"Conv3d", "Conv3D",
	"ConvTranspose1d", "Conv1DTranspose Deconv1d",
	"ConvTranspose2d", "Conv2DTranspose Deconv2d",
	"ConvTranspose3d", "Conv3DTranspose Deconv3d",
	"use Conv2d with as many groups as there are channels", "DepthwiseConv2D DepthwiseConv2d",
	"use Conv2d with as many groups as there are channels, and then one with a kernel of 1", "SeparableConv2D SeparableConv2d",
	"MaxPool1d", "MaxPooling1D",
	"MaxPool2d", "MaxPooling2D",
	"MaxPool3d", "MaxPooling3D",
	"max_unpool1d", "MaxUnpool1d",
	"max_unpool2d", "MaxUnpool2d",
	"max_unpool3d", "MaxUnpool3d",
	"AvgPool1d", "AveragePooling1D",
	"AvgPool2d", "AveragePooling2D",
	"AvgPool3d", "AveragePooling3D",
	"reduce the dims behind the channels: mean(x, 2)", "GlobalAveragePooling1D global_avg_pool1d",
	"reduce the dims behind the channels: mean(x, [2, 3])", "GlobalAveragePooling2D global_avg_pool2d",
	"reduce the dims behind the channels: mean(x, [2, 3, 4])", "GlobalAveragePooling3D global_avg_pool3d",
	"reduce the dims behind the channels: max(x, 2)", "GlobalMaxPooling1D",
	"reduce the dims behind the channels: max(x, [2, 3])", "GlobalMaxPooling2D",
	"reduce the dims behind the channels: max(x, [2, 3, 4])", "GlobalMaxPooling3D",
	"write pad(x, [1, 1, 1, 1])", "ZeroPad1d ZeroPad2d ZeroPad3d ZeroPadding1D ZeroPadding2D ZeroPadding3D ConstantPad1d ConstantPad2d ConstantPad3d",
	`write pad(x, [1, 1, 1, 1], "reflect")`, "ReflectionPad1d ReflectionPad2d ReflectionPad3d",
	`write pad(x, [1, 1, 1, 1], "replicate")`, "ReplicationPad1d ReplicationPad2d ReplicationPad3d",
	`write pad(x, [1, 1, 1, 1], "circular")`, "CircularPad1d CircularPad2d CircularPad3d",
	"there is no such layer; RNN, GRU and LSTM have an argument bidirectional", "Bidirectional",
	"there is no such layer; there are LayerNorm, RMSNorm, GroupNorm, BatchNorm and InstanceNorm", "weight_norm spectral_norm",
	"Upsample", "UpSampling1D UpSampling2D UpSampling3D UpsamplingNearest2d UpsamplingBilinear2d",
	"images are resized by interpolate, and not sampled at given places", "grid_sample affine_grid",
	"there is no such layer; there are TransformerBlock and SelfAttention", "TransformerDecoderLayer TransformerDecoder TransformerEncoder RotaryEmbedding rope apply_rotary_emb",
	"spell out the model, layer by layer", "ResNet ResNet50 resnet18 BertModel GPT2 VGG",
	"Dropout1d", "SpatialDropout1D",
	"Dropout2d", "SpatialDropout2D",
	"Dropout3d", "SpatialDropout3D",
)

// Functions are all names that Function finds by exact spelling.
var Functions = sync.OnceValue(func() map[string]string {
	for name, op := range ir.Ops() {
		delete(functions, name) // advice for an operation that exists by now
		for _, alias := range strings.Fields(op.Aliases) {
			functions[alias] = name
		}
	}
	return functions
})

// folded maps names in lower case without underscores to functions.
var folded = sync.OnceValue(func() map[string]string { return fold(Functions()) })

func fold(m map[string]string) map[string]string {
	f := map[string]string{}
	for name, here := range m {
		key := plain(name)
		if old, ok := f[key]; !ok || here < old { // deterministic if there are two
			f[key] = here
		}
	}
	return f
}

// plain is a name in lower case without underscores.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// Function translates an operation, a layer or a loss of another library to its name
// here, or to advice, which contains spaces. If the exact name isn't known, case and
// underscores are ignored.
func Function(name string) (here string, ok bool) {
	if here, ok = Functions()[name]; ok {
		return here, true
	}
	here, ok = folded()[plain(strings.TrimSuffix(name, "_"))]
	return here, ok
}

// IsAdvice reports whether a table entry is advice rather than a name.
func IsAdvice(here string) bool { return strings.Contains(here, " ") }
