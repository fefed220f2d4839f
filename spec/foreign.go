package spec

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// What people know by other names from PyTorch, NumPy and Keras.

// foreignFunctions maps operations, layers and losses: to the name here, or to a
// sentence where there is none.
var foreignFunctions = map[string]string{
	"cat": "concat", "dot": "matmul", "mm": "matmul", "bmm": "matmul", "power": "pow", "view": "reshape",
	"to": "cast", "float": "cast", "int": "cast", "astype": "cast", "rand": "uniform", "randn": "normal",
	"multiply": "mul", "subtract": "sub", "divide": "div", "amax": "max", "amin": "min", "T": "transpose",
	"ln": "log", "sigm": "sigmoid", "swish": "silu", "ifelse": "where", "select": "where", "clip": "clamp",
	"expand": "broadcast_to", "range": "arange", "average": "mean", "relu6": "clamp", "index_select": "gather", "take": "gather",
	"Dense": "Linear", "FullyConnected": "Linear", "BatchNorm1d": "BatchNorm", "BatchNorm2d": "BatchNorm", "BatchNorm3d": "BatchNorm",
	"MultiheadAttention": "SelfAttention", "MultiHeadAttention": "SelfAttention", "TransformerEncoderLayer": "TransformerBlock",
	"mse": "mse_loss", "MSELoss": "mse_loss", "L1Loss": "l1_loss", "mae": "l1_loss", "HuberLoss": "huber_loss", "SmoothL1Loss": "huber_loss",
	"CrossEntropyLoss": "cross_entropy", "crossentropy": "cross_entropy", "categorical_crossentropy": "cross_entropy",
	"BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "KLDivLoss": "kl_div",
	"bce": "binary_cross_entropy_with_logits", "BCELoss": "binary_cross_entropy_with_logits", "binary_cross_entropy": "binary_cross_entropy_with_logits",
	"nll_loss": "cross_entropy takes logits, before any softmax", "NLLLoss": "cross_entropy takes logits, before any softmax",
	"StepLR": "step_lr", "ExponentialLR": "exponential_lr", "CosineAnnealingLR": "cosine_annealing_lr", "LinearLR": "linear_lr",

	"size": "give the size a name in an input's type, f32[batch, 8], and use that", "len": "give the size a name in an input's type, f32[batch, 8], and use that",
	"shape":    "give the sizes names in an input's type, f32[batch, 8], and use those",
	"print":    "what is to be seen is a metric: train.metrics",
	"accuracy": `write mean(cast(argmax(y, -1) == target, "f32"))`,
	"norm":     "write sqrt(sum(square(x)))",
	"detach":   "grad and training go through all of an expression; train less with `trainable: false`",
	"einsum":   "write it with matmul, permute and reshape", "einops": "write it with reshape and permute", "rearrange": "write it with reshape and permute",
	"arcsin": "there are no inverse trigonometric functions", "arccos": "there are no inverse trigonometric functions",
	"enumerate": "there are no loops", "zip": "there are no loops", "map": "operations work on all elements at once",
	"Sequential": "give each layer a node, which names the one before it as its input",
	"Module":     "a module is declared under `modules:`, and called by its name",
	"Conv1d":     "there are no convolutions", "Conv2d": "there are no convolutions", "Conv3d": "there are no convolutions", "conv2d": "there are no convolutions",
	"MaxPool2d": "there is no pooling", "AvgPool2d": "there is no pooling", "max_pool2d": "there is no pooling",
	"LSTM": "there are no recurrent layers", "GRU": "there are no recurrent layers", "RNN": "there are no recurrent layers",
}

// foreignHelp says what a name of an operation is here; "" if that isn't known.
func (l *library) foreignHelp(name string) string {
	switch here := foreignFunctions[name]; {
	case strings.Contains(here, " "):
		return here
	case here != "" && l.signature(here) != nil:
		return fmt.Sprintf("it is called %q here", here)
	case l.optimizers[name] != nil:
		return name + " is an optimizer: it belongs under train.optimizer"
	}
	return ""
}

// foreignArguments maps arguments, as foreignFunctions does.
var foreignArguments = map[string]string{
	"learning_rate": "lr", "axis": "dim", "axes": "dim", "dims": "dim", "keepdims": "keepdim", "keep_dims": "keepdim",
	"units": "out_features", "beta1": "betas", "beta2": "betas", "rate": "p", "prob": "p", "epsilon": "eps",
	"heads": "num_heads", "n_heads": "num_heads", "n_head": "num_heads", "nhead": "num_heads", "hidden": "hidden_features",
	"vocab_size": "num_embeddings", "dim": "embedding_dim",

	"in_features":      "it isn't given: the input says so",
	"in_channels":      "it isn't given: the input says so",
	"num_features":     "it isn't given: the input says so",
	"normalized_shape": "it isn't given: the input's last dimension is normalized",
	"d_model":          "it isn't given: the input's last dimension says so",
	"embed_dim":        "it isn't given: the input's last dimension says so",
	"inplace":          "it isn't needed: memory is planned",
	"requires_grad":    "write `trainable: false` on the node of a layer whose parameters aren't to be trained",
	"activation":       "an activation is a node of its own: a: relu(h)",
	"params":           "all parameters that the loss depends on are trained; train.param_groups tells them apart",
	"parameters":       "all parameters that the loss depends on are trained; train.param_groups tells them apart",
	"input_shape":      "it isn't given: the input says so",
	"size_average":     "write reduction=\"mean\" or reduction=\"sum\"",
	"out":              "the node's name says where the result goes",
}

// argumentHelp says what to write for an argument that a signature hasn't got.
func (s *signature) argumentHelp(name string, list *diag.List) string {
	here := foreignArguments[name]
	switch {
	case here != "" && s.has(here):
		return fmt.Sprintf("did you mean %q?", here)
	case isReserved(name) && s.isModule:
		return fmt.Sprintf("it is a key of mapping nodes: {%s: x, …, %s: …}", s.name, name)
	case strings.Contains(here, " "):
		return here
	}
	if help := list.Suggestion(name, s.names()); help != "" {
		return help
	}
	if len(s.params) == 0 {
		return "it takes none"
	}
	return "its arguments are " + strings.Join(s.names(), ", ")
}

// foreignTypes maps dtypes.
var foreignTypes = map[string]string{
	"float": "f32", "float32": "f32", "float16": "f16", "half": "f16", "bfloat16": "bf16", "double": "f64", "float64": "f64",
	"int": "i32", "int32": "i32", "int64": "i64", "long": "i64", "boolean": "bool", "fp32": "f32", "fp16": "f16",
}

// typeHelp says what a dtype is called here.
func typeHelp(name string) string {
	if here := foreignTypes[name]; here != "" {
		return fmt.Sprintf("it is called %q here", here)
	}
	return diag.Suggestion(name, typeNames)
}
