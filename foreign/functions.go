package foreign

import (
	"strings"
	"sync"

	"github.com/flowrun/flowrun/ir"
	_ "github.com/flowrun/flowrun/ir/ops" // which say what they are called elsewhere
)

// A table maps names of other tools: to the name here, or, with a space in it,
// to advice. Rows are written the other way round, what is meant before all that
// stands for it.
func names(rows ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(rows); i += 2 {
		for _, name := range strings.Fields(rows[i+1]) {
			m[name] = rows[i]
		}
	}
	return m
}

// functions are layers, losses, schedules, and operations that don't exist here; those
// that do have Aliases. In advice x is the first argument, y the second.
var functions = names(
	"Linear", "Dense FullyConnected Affine",
	"Embedding", "nn_embedding",
	"BatchNorm", "BatchNorm1d BatchNorm2d BatchNorm3d BatchNormalization SyncBatchNorm",
	"LayerNorm", "LayerNormalization",
	"GroupNorm", "GroupNormalization",
	"SelfAttention", "MultiheadAttention MultiHeadAttention MHA Attention",
	"scaled_dot_product_attention", "flash_attention memory_efficient_attention",
	"TransformerBlock", "TransformerEncoderLayer Transformer TransformerLayer",
	"MLP", "FeedForward FFN",

	"mse_loss", "mse MSE MSELoss MeanSquaredError mean_squared_error l2_loss",
	"l1_loss", "mae MAE L1Loss MeanAbsoluteError mean_absolute_error",
	"huber_loss", "HuberLoss SmoothL1Loss smooth_l1_loss Huber huber",
	"cross_entropy", "CrossEntropyLoss CrossEntropy crossentropy cross_entropy_loss sparse_categorical_crossentropy SparseCategoricalCrossentropy softmax_cross_entropy softmax_cross_entropy_with_logits sparse_softmax_cross_entropy_with_logits",
	"write cross_entropy(x, argmax(y, -1)); its target are labels, its input logits", "categorical_crossentropy CategoricalCrossentropy",
	"binary_cross_entropy_with_logits", "BCEWithLogitsLoss bce BCELoss binary_cross_entropy binary_crossentropy BinaryCrossentropy sigmoid_cross_entropy_with_logits",
	"kl_div", "KLDivLoss KLDivergence kl_divergence",
	"cross_entropy takes logits, before any softmax", "nll_loss NLLLoss",
	"write sqrt(mse_loss(x, y))", "rmse RMSE RMSELoss",
	"write mean(abs((x - y) / y))", "mape MAPE mean_absolute_percentage_error MeanAbsolutePercentageError",
	"write mean(maximum(0, 1 - x * y))", "hinge Hinge hinge_loss hinge_embedding_loss",
	"write mean(exp(x) - y * x)", "poisson_nll_loss PoissonNLLLoss Poisson",
	"write sum(x * y, -1) / sqrt(sum(x * x, -1) * sum(y * y, -1))", "cosine_similarity CosineSimilarity",
	"there is no such loss; a loss is any scalar, made of operations", "CTCLoss ctc_loss triplet_margin_loss TripletMarginLoss GaussianNLLLoss gaussian_nll_loss margin_ranking_loss multi_margin_loss",

	"constant_lr", "ConstantLR",
	"step_lr", "StepLR",
	"exponential_lr", "ExponentialLR ExponentialDecay",
	"cosine_annealing_lr", "CosineAnnealingLR CosineDecay CosineAnnealing",
	"linear_lr", "LinearLR",
	"warmup_cosine", "get_cosine_schedule_with_warmup WarmupCosine cosine_with_warmup",
	"warmup_linear", "get_linear_schedule_with_warmup OneCycleLR",
	"a schedule sees step alone, and no metric", "ReduceLROnPlateau",

	"write 1.0507009873554805 * elu(x, 1.6732632423543772)", "selu SELU",
	"write x * tanh(softplus(x))", "mish Mish",
	"write clamp(x, 0, 6)", "relu6 ReLU6",
	"write clamp(x, -1, 1)", "hardtanh Hardtanh",
	"write clamp(x / 6 + 0.5, 0, 1)", "hardsigmoid Hardsigmoid hard_sigmoid",
	"write x * clamp(x / 6 + 0.5, 0, 1)", "hardswish Hardswish hard_swish",
	"write x / (1 + abs(x))", "softsign Softsign",
	"write -softplus(-x)", "logsigmoid LogSigmoid log_sigmoid",
	"write x - tanh(x)", "tanhshrink Tanhshrink",
	"write softmax(-x, -1)", "softmin Softmin",
	"write x * sigmoid(1.702 * x)", "quick_gelu QuickGELU",
	"write leaky_relu(x, 0.25); a slope that is trained is a parameter of a module", "prelu PReLU rrelu",
	"write x * sigmoid(y)", "glu GLU",
	"write silu(x) * y", "swiglu SwiGLU",
	"write gelu(x) * y", "geglu GEGLU",
	"write (exp(x) - exp(-x)) / 2", "sinh",
	"write (exp(x) + exp(-x)) / 2", "cosh",
	"write log(x / (1 - x))", "logit",
	"write log(x) / 2.302585092994046", "log10",
	"write 1 - erf(x)", "erfc",
	"write maximum(x, y) + softplus(-abs(x - y))", "logaddexp",
	"write x - trunc(x / y) * y", "fmod",
	"write x - trunc(x)", "frac",
	"write sqrt(sum(square(x)))", "norm vector_norm",
	"write sqrt(sum(square(x - y)))", "dist pairwise_distance",
	"write x / sqrt(sum(square(x), -1, true))", "normalize l2_normalize",
	"write where(mask, 0, x)", "masked_fill masked_select",
	"write where(isnan(x), 0, x)", "nan_to_num",
	"write maximum(x, 0)", "clamp_min threshold",
	"write minimum(x, 0)", "clamp_max",
	`write cast(x > 0, "f32")`, "heaviside",
	"write abs(x - y) < 1e-5", "isclose allclose",
	"write all(x == y)", "equal array_equal",
	`write sum(cast(x != 0, "i32"))`, "count_nonzero",
	`write cast(uniform(0, 1, [16, 16]) < x, "f32")`, "bernoulli",
	"write uniform(0, 1, [16, 16])", "rand random",
	"write normal(0, 1, [16, 16])", "randn standard_normal",
	"write uniform(0, 1, [16, 16]); its shape is written out", "rand_like",
	"write normal(0, 1, [16, 16]); its shape is written out", "randn_like",
	"write concat([x, x], dim=0)", "tile repeat repeat_interleave",
	"write slice(x, 0, 0, 8); each part is a node of its own", "split chunk unbind narrow tensor_split",
	"write squeeze(slice(x, 0, 0, 1), 0)", "select",
	"write unsqueeze(x, 1) * unsqueeze(y, 0)", "outer ger",
	"write sum(x * eye(16))", "trace",
	"write x * eye(16)", "diag diagonal",
	"write concat([slice(x, 0, 1, 16), slice(x, 0, 0, 1)], dim=0)", "roll",
	`write 0.1 * cast(arange(10), "f32")`, "linspace",
	"write exp(cumsum(log(x), 0)); for x above 0", "cumprod",
	"write full([2, 3], 1.5); a number beside a tensor needs nothing", "tensor constant as_tensor array convert_to_tensor",
	"a tensor is a value; no copy of it is needed", "clone copy contiguous identity Identity",
	`write mean(cast(argmax(x, -1) == target, "f32"))`, "accuracy Accuracy acc",
	"write Embedding(arange(16), 16, 32); add it to the embedding of the tokens", "PositionalEncoding positional_encoding",

	"give the size a name in an input's type, f32[batch, 8], and use that", "size len",
	"give the sizes names in an input's type, f32[batch, 8], and use those", "shape",
	"what is to be seen is a metric: train.metrics", "print",
	"matmul, permute and reshape do that", "einsum tensordot",
	"reshape and permute do that", "einops rearrange pixel_shuffle",
	"there are no inverse trigonometric functions", "arcsin arccos arctan asin acos atan atan2 asinh acosh atanh",
	"there is no such special function", "erfinv lgamma digamma gamma gammaln igamma polygamma i0 bessel",
	"there is no sorting, and nothing that needs it", "sort argsort topk top_k median nanmedian quantile percentile mode kthvalue unique searchsorted msort",
	"there is no linear algebra but matmul", "svd inv inverse pinv det logdet slogdet qr eig eigh eigvals solve lstsq cholesky lu matrix_exp cross kron",
	"there are no Fourier transforms", "fft ifft rfft irfft fft2 stft istft",
	"shapes are known before a step runs; write where(mask, x, 0) with a mask", "nonzero argwhere bincount histogram histc",
	"random operations are randint, uniform and normal", "multinomial randperm shuffle exponential poisson gumbel_softmax Categorical",
	"cummax and its like have no counterpart; cumsum is there", "cummax cummin logcumsumexp",
	"there are no loops", "enumerate zip scan while_loop for_loop fori_loop",
	"operations work on all elements at once", "map vmap vectorize apply",
	"programs are compiled as a whole without it", "jit compile checkpoint",
	"the layer's node is written once, with repeat: {Linear: x, out_features: 8, repeat: 3}", "ModuleList TimeDistributed",
	"give each layer a node, which names the one before it as its input", "Sequential",
	"a module is declared under `modules:`, and called by its name", "Module Layer Model",
	"add the node to the one before it: y: x + f(x)", "Residual SkipConnection residual",
	"an activation is called by its name in lower case: relu(x)", "Activation",
	`an input stands under model.inputs: {x: "f32[32, 8]"}`, "Input InputLayer placeholder",
	"parameters belong to a module: modules: {M: {params: {w: {shape: [8], init: 0}}, …}}", "Parameter Variable get_variable",
	"an expression needs no name", "Lambda lambda",
	"there are no convolutions", "Conv1d Conv2d Conv3d conv1d conv2d conv3d Conv1D Conv2D Conv3D ConvTranspose1d ConvTranspose2d Conv2DTranspose conv_transpose2d DepthwiseConv2D SeparableConv2D unfold fold",
	"there is no pooling; mean(x, dim) takes all of a dimension", "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool2d MaxPooling1D MaxPooling2D AveragePooling2D GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling2D max_pool1d max_pool2d avg_pool2d adaptive_avg_pool2d",
	"there are no recurrent layers", "LSTM GRU RNN LSTMCell GRUCell RNNCell SimpleRNN Bidirectional",
	"there is no such layer; LayerNorm, RMSNorm, GroupNorm and BatchNorm are there", "InstanceNorm1d InstanceNorm2d InstanceNorm3d instance_norm LocalResponseNorm local_response_norm weight_norm spectral_norm",
	"there is no resampling of images", "interpolate upsample Upsample UpSampling2D grid_sample resize_bilinear",
	"there is no such layer; TransformerBlock and SelfAttention are there", "TransformerDecoderLayer TransformerDecoder TransformerEncoder RotaryEmbedding rope apply_rotary_emb",
	"a model is written out, layer by layer", "ResNet ResNet50 resnet18 BertModel GPT2 VGG",
	"Dropout is not in two dimensions here; write Dropout(x, 0.5)", "dropout2d Dropout2d SpatialDropout2D",
	"no area under a curve is computed; metrics are scalars of one batch", "auc AUC roc_auc f1 f1_score F1Score precision recall Precision Recall",
)

// Functions are all names that Function knows as they are.
var Functions = sync.OnceValue(func() map[string]string {
	for name, op := range ir.Ops() {
		delete(functions, name) // advice, if it is a new one
		for _, alias := range strings.Fields(op.Aliases) {
			functions[alias] = name
		}
	}
	return functions
})

// folded are the functions by their names in lower case without underscores.
var folded = sync.OnceValue(func() map[string]string { return fold(Functions()) })

func fold(m map[string]string) map[string]string {
	f := map[string]string{}
	for name, here := range m {
		key := plain(name)
		if old, ok := f[key]; !ok || here < old { // of two the same one always
			f[key] = here
		}
	}
	return f
}

// plain is a name without case and underscores.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// Function gives what an operation, a layer or a loss of another library is here:
// its name, or advice, which has spaces in it. Case and underscores don't matter
// where the name itself isn't known.
func Function(name string) (here string, ok bool) {
	if here, ok = Functions()[name]; ok {
		return here, true
	}
	here, ok = folded()[plain(strings.TrimSuffix(name, "_"))]
	return here, ok
}

// IsAdvice reports whether what a table gives is advice, and no name.
func IsAdvice(here string) bool { return strings.Contains(here, " ") }
