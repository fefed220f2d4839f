package foreign

import "strings"

// Keys are the names that other tools have for a key; a name may map to keys of several
// sections.
var Keys = several(
	"max_steps", "steps num_steps iterations max_iter max_iters num_iterations n_steps total_steps train_steps",
	"nodes", "layers graph network_layers blocks",
	"model", "network net architecture",
	"vars", "variables constants hyperparameters hparams config params_config settings",
	"data", "dataset datasets train_data data_loader dataloader train_loader",
	"train", "training trainer fit Trainer TrainingArguments",
	"placement", "devices",
	"loss", "criterion loss_fn loss_function objective",
	"optimizer", "optim solver optimiser",
	"eval", "validation val test evaluation validate",
	"early_stop", "early_stopping EarlyStopping",
	"log_every", "log_interval log_every_n_steps logging_steps log_freq",
	"clip_grad_norm", "clip grad_clip max_grad_norm gradient_clip_val gradient_clipping clipnorm",
	"checkpoint", "checkpoints ModelCheckpoint checkpointing",
	"accumulate", "gradient_accumulation gradient_accumulation_steps accumulation_steps accumulate_grad_batches grad_accum",
	"init", "initial pretrained pretrained_weights",
	"every", "interval steps_between frequency every_n_steps every_n_train_steps save_steps eval_steps",
	"keep", "save_total_limit save_top_k max_to_keep",
	"metric", "monitor",
	"dir", "output_dir dirpath folder save_dir",
	"generate", "random generator",
	"replay", "file path filename",
	"safetensors", "checkpoint_file weights_file",
	"params", "weights parameters",
	"state", "states buffers",
	"args", "arguments kwargs",
	"output", "forward returns return result",
	"outputs", "results",
	"else", "otherwise",
	"if", "condition",
	"flowrun", "version",
	"shape", "size dims",
	"imports", "import include includes extends base _base_",
	"from", "path file src source import module include name",
	"names", "modules import only using select",
	"value", "default val initial",
	"doc", "description help comment",
	"min", "minimum lower low",
	"max", "maximum upper high",
	"metrics", "metric",
	"epochs", "num_epochs max_epochs num_train_epochs n_epochs nb_epoch",
	"batch", "batch_size per_device_train_batch_size per_device_eval_batch_size train_batch_size eval_batch_size batchsize bs",
	"shuffle", "shuffled random_order",
	"drop_last", "drop_remainder",
	"limit", "nrows n_rows max_rows num_samples max_samples take",
	"split", "splits validation_split val_split test_size train_size train_test_split",
	"parts", "fractions ratios subsets",
	"stratify", "stratified stratify_by",
	"transform", "transforms map map_fn preprocess preprocessing augment augmentation",
	"fields", "features schema columns usecols",
	"type", "dtype",
	"classes", "categories class_names num_classes n_classes class_list labels",
	"unknown", "oov unk unk_id oov_id unknown_id",
	"normalize", "standardize normalise scale scaler",
	"fill", "fillna impute imputer fill_value",
	"column", "col column_name",
	"columns", "cols column_names",
	"tensor", "key array",
	"missing", "na_values null_values nan_values missing_values nulls",
	"delimiter", "sep separator delim field_sep",
	"quote", "quotechar quote_char",
	"decimal", "decimal_mark decimal_comma",
	"header", "has_header headers",
	"trim", "skipinitialspace strip strip_whitespace",
	"mix", "mixture interleave weights probabilities",
)

// Habits are advice for keys of other tools that have no counterpart.
var Habits = names(
	"how many steps an epoch has follows from the data and its batch; a run ends after max_steps or epochs", "min_epochs steps_per_epoch epoch",
	"the batch size is the key `batch` of a data source; of generated data it is the first dimension of the fields", "batch_size per_device_train_batch_size per_device_eval_batch_size train_batch_size eval_batch_size micro_batch_size",
	"batches come in the order of the data source, which `shuffle: true` changes", "sampler",
	"data is prefetched automatically", "num_workers prefetch prefetch_factor pin_memory persistent_workers",
	"it is an argument of the optimizer: {SGD: {lr: 0.1}}", "lr learning_rate base_lr init_lr",
	"it is an argument of the optimizer: {SGD: {lr: 0.1, momentum: 0.9}}", "momentum nesterov",
	"it is an argument of the optimizer: {AdamW: {lr: 1e-3, weight_decay: 0.1}}", "weight_decay l2 regularization",
	"it is an argument of the optimizer: {Adam: {lr: 1e-3, betas: [0.9, 0.999]}}", "betas beta1 beta2 adam_beta1 adam_beta2 adam_epsilon eps",
	`a schedule is a function of step, in the optimizer's lr: {SGD: {lr: "step_lr(step, 0.1, 30)"}}`, "scheduler lr_scheduler schedule lr_scheduler_type lr_schedule",
	`a warm-up is part of a schedule, in the optimizer's lr: {SGD: {lr: "warmup_cosine(step, 0.1, 100, 5000)"}}`, "warmup warmup_steps warmup_ratio num_warmup_steps",
	"dtypes are given in the types of inputs and as `dtype` of nodes", "precision fp16 bf16 amp mixed_precision half torch_dtype tf32",
	"write placement: {default: cuda}", "gpu gpus device accelerator strategy use_cuda cuda no_cuda",
	"write else: {if: …, then: …, else: …}", "elif",
	"write it as a comment, after #", "description notes author comment doc",
	"parameters aren't listed here; `trainable: false` on a node, or a group with `frozen: true`, freezes them", "freeze frozen trainable requires_grad",
	"evaluation data is a data source, or a part of one: train: {eval: {data: SOURCE.test, …}}", "validation_data",
	"a data source has parts: data: {NAME: {split: {parts: {train: 0.8, test: 0.2}}, …}}, and train.data and eval.data name one: NAME.train", "validation_split val_split train_test_split test_size",
	"lines that can't be read are errors, with their places", "on_bad_lines error_bad_lines",
	"encodings other than UTF-8 aren't read", "encoding charset",
	"gradients are accumulated by train.accumulate; a batch is one step", "micro_batch",
	"evaluation is a key of train: eval: {data: NAME, every: 500, metrics: {loss: loss}}", "val_check_interval eval_strategy evaluation_strategy do_eval validation_freq",
	"it belongs under early_stop: {metric: NAME, patience: 1000}", "patience",
	"write train: {checkpoint: {every: 1000}}", "save_strategy save_best_only load_best_model_at_end enable_checkpointing",
	"a run is resumed with --resume", "resume resume_from_checkpoint ckpt_path checkpoint_path",
	"write train: {init: {safetensors: FILE}}, or give --weights", "weights pretrained_model_name_or_path load_weights load_from",
	"--log FILE.jsonl writes a log", "logger logging wandb tensorboard report_to log_dir mlflow",
	"it isn't part of a spec; --json and --log control the output", "verbose progress_bar enable_progress_bar disable_tqdm quiet",
	"the whole program is always compiled", "compile jit torch_compile",
	"a Dropout is a node of the model: d: Dropout(x, 0.1)", "dropout",
	"an average is a metric: train.metrics: {loss: ema(loss, 0.99)}", "ema moving_average",
	"there are no callbacks; metrics, early_stop and checkpoint are keys of train", "callbacks callback hooks",
	"a spec describes training; flowrun infer predicts", "predict inference do_predict do_train",
	"the seed of the random numbers is a top-level key: seed: 1", "manual_seed random_seed random_state",
	"files of modules are listed under imports: [blocks.yaml]", "defaults",
	"an import keeps the modules' names; names: {Block: NameHere} renames them", "as",
)

// Arguments are the arguments of operations, layers and optimizers.
var Arguments = names(
	"lr", "learning_rate",
	"dim", "axis axes dims",
	"keepdim", "keepdims keep_dims",
	"out_features", "units",
	"betas", "beta1 beta2 beta_1 beta_2",
	"p", "rate prob",
	"eps", "epsilon",
	"num_heads", "heads n_heads n_head nhead",
	"hidden_features", "hidden",
	"num_embeddings", "vocab_size input_dim",
	"embedding_dim", "dim output_dim",
	"bias", "use_bias",
	"delta", "beta",
	"x", "input inputs",
	"weight_decay", "decay",
	"is_causal", "causal use_causal_mask",

	"not needed: it follows from the input", "in_features in_channels num_features input_shape input_size input_dims",
	"not needed: the input's last dimension is normalized", "normalized_shape",
	"not needed: it is the input's last dimension", "d_model embed_dim key_dim",
	"not needed: memory is planned automatically", "inplace",
	"write `trainable: false` on the node of the layer", "requires_grad",
	"an activation is a node of its own: a: relu(h)", "activation",
	"all parameters that the loss depends on are trained; use train.param_groups to give some of them other settings", "params parameters",
	`write reduction="mean" or reduction="sum"`, "size_average",
	"correction=1 divides by one less than the number of elements, correction=0 by the number", "unbiased ddof",
	"not needed: the result is the node's value", "out",
	"a module of its own has initial values: modules: {M: {params: {w: {shape: [8], init: 0}}, …}}", "kernel_initializer bias_initializer weight_init init initializer",
	"losses always take logits", "from_logits",
)

// DTypes are the names of dtypes elsewhere.
var DTypes = names(
	"f32", "float float32 fp32 single FloatTensor",
	"f16", "float16 half fp16 HalfTensor",
	"bf16", "bfloat16",
	"f64", "double float64 fp64 DoubleTensor",
	"u8", "uint8 byte ByteTensor",
	"i32", "int int32",
	"i64", "int64 long LongTensor",
	"bool", "boolean bool_ BoolTensor",
	"complex numbers are not supported", "complex complex64 complex128 cfloat",
	"integers are u8, i32 or i64", "int8 int16 short uint16 uint32 uint64 char i8 i16",
	"tensors can't contain text", "string str object",
)

// Words are words in the expressions of other languages.
var Words = names(
	"write true", "True TRUE yes Yes on",
	"write false", "False FALSE no No off",
	"write nil", "None null Null NULL undefined",
	"use the var's name alone", "vars",
	"use the node's name alone", "model",
	"names are visible without it", "self",
	"write 3.141592653589793", "pi PI",
	"write exp(1)", "e",
	"write inf", "Inf INF Infinity infinity",
	"write nan", "NaN NAN",
	"use step, which counts the steps from 0", "global_step",
	"epochs can be used where step can: in the optimizer's arguments, clip_grad_norm, train.metrics and until", "epoch epoch_fraction",
)

// Methods are methods of values for which there is no operation of the same name.
var Methods = names(
	`write cast(x, "f16") for a dtype; set the device on the node: {exp: x, device: cpu}`, "to",
	"set the device on the node, {exp: x, device: cuda}, or under placement", "cuda",
	"set the device on the node, {exp: x, device: cpu}, or under placement", "cpu",
	"give the size a name in an input's type, f32[batch, 8], and use that", "size",
	"the number of dimensions is part of an input's type", "dim ndimension",
	"give the sizes names in an input's type, and multiply them", "numel nelement",
	"training computes gradients automatically; grad(y, x) computes one", "backward",
	"gradients are recomputed at each step", "zero_grad",
	"train.optimizer updates the parameters", "step",
	"values are always tensors; a scalar has no dimensions", "item tolist",
	"values are always tensors", "numpy",
	"values can't be formatted into strings", "format",
	"write list + [item]", "append",
	`write cast(x, "f16"), with the dtype you want`, "type astype",
)

// Casts are methods that convert to a dtype.
var Casts = map[string]string{"float": "f32", "double": "f64", "half": "f16", "bfloat16": "bf16", "long": "i64", "int": "i32", "byte": "u8", "bool": "bool"}

// Namespaces are the library names that other languages write before an operation.
var Namespaces = set("torch nn F functional np numpy jnp jax tf math optim keras layers K lax flax scipy mx paddle activations losses backend")

// Sized are operations that take sizes, dims or tensors as one list where other
// libraries take them one by one; the value is the position of that argument.
var Sized = map[string]int{"reshape": 1, "broadcast_to": 1, "permute": 1, "zeros": 0, "ones": 0, "concat": 0, "stack": 0}

// Given are layers whose first argument in other libraries is a size that follows from
// the input here. The value is the number of arguments from which this applies.
var Given = map[string]int{"Linear": 2, "LayerNorm": 1, "RMSNorm": 1, "BatchNorm": 1, "GroupNorm": 2, "SelfAttention": 2, "TransformerBlock": 2}

// OtherDTypes is what to use for an input of a standard module, module.input, in a dtype that
// other tools take too.
var OtherDTypes = map[string]string{"cross_entropy.target": "labels are ints; for probabilities of classes use soft_cross_entropy"}

// several is like names, for names that may be in several rows.
func several(rows ...string) map[string][]string {
	m := map[string][]string{}
	for i := 0; i < len(rows); i += 2 {
		for _, name := range strings.Fields(rows[i+1]) {
			m[name] = append(m[name], rows[i])
		}
	}
	return m
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for name := range names("", words) {
		m[name] = true
	}
	return m
}
