package foreign

import "strings"

// Keys are what other tools call a key; a name may stand for several, of different
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
)

// Habits say what stands in for keys of other tools that have no counterpart.
var Habits = names(
	"a run is counted in steps, one batch each: max_steps", "epochs num_epochs max_epochs num_train_epochs n_epochs min_epochs steps_per_epoch epoch",
	"the data say how large a batch is: the first dimension of their fields", "batch_size per_device_train_batch_size per_device_eval_batch_size train_batch_size eval_batch_size batch micro_batch_size",
	"data come in the order of their source", "shuffle drop_last sampler",
	"data are read ahead by themselves", "num_workers prefetch prefetch_factor pin_memory persistent_workers",
	"it is an argument of the optimizer: {SGD: {lr: 0.1}}", "lr learning_rate base_lr init_lr",
	"it is an argument of the optimizer: {SGD: {lr: 0.1, momentum: 0.9}}", "momentum nesterov",
	"it is an argument of the optimizer: {AdamW: {lr: 1e-3, weight_decay: 0.1}}", "weight_decay l2 regularization",
	"it is an argument of the optimizer: {Adam: {lr: 1e-3, betas: [0.9, 0.999]}}", "betas beta1 beta2 adam_beta1 adam_beta2 adam_epsilon eps",
	`a schedule is a function of step, in the optimizer's lr: {SGD: {lr: "step_lr(step, 0.1, 30)"}}`, "scheduler lr_scheduler schedule lr_scheduler_type lr_schedule",
	`a warm-up is part of a schedule, in the optimizer's lr: {SGD: {lr: "warmup_cosine(step, 0.1, 100, 5000)"}}`, "warmup warmup_steps warmup_ratio num_warmup_steps",
	"dtypes stand in the types of inputs, and as `dtype` of nodes", "precision fp16 bf16 amp mixed_precision half torch_dtype tf32",
	"write placement: {default: cuda}", "gpu gpus device accelerator strategy use_cuda cuda no_cuda",
	"write else: {if: …, then: …, else: …}", "elif",
	"write it as a comment, behind #", "description notes author comment doc",
	"no parameters stand here; a node's `trainable: false`, or a group with `frozen: true`, keeps them as they are", "freeze frozen trainable requires_grad",
	"other data for evaluation are a source of their own: train.eval.data", "validation_split val_split validation_data train_test_split",
	"evaluation stands under train: eval: {data: NAME, every: 500, metrics: {loss: loss}}", "val_check_interval eval_strategy evaluation_strategy do_eval validation_freq",
	"it belongs under early_stop: {metric: NAME, patience: 1000}", "patience",
	"write train: {checkpoint: {every: 1000}}", "save_strategy save_best_only load_best_model_at_end enable_checkpointing",
	"a run is resumed by --resume", "resume resume_from_checkpoint ckpt_path checkpoint_path",
	"write train: {init: {safetensors: FILE}}, or give --weights", "weights pretrained_model_name_or_path load_weights load_from",
	"a log is written by --log FILE.jsonl", "logger logging wandb tensorboard report_to log_dir mlflow",
	"it is no part of a spec; --json and --log say what is written", "verbose progress_bar enable_progress_bar disable_tqdm quiet",
	"programs are compiled as a whole without it", "compile jit torch_compile",
	"a Dropout is a node of the model: d: Dropout(x, 0.1)", "dropout",
	"an average is a metric: train.metrics: {loss: ema(loss, 0.99)}", "ema moving_average",
	"there are no callbacks; metrics, early_stop and checkpoint are keys of train", "callbacks callback hooks",
	"a spec trains; flowrun eval predicts", "predict inference do_predict do_train",
	"the random numbers' seed stands at the top: seed: 1", "manual_seed random_seed random_state",
	"files of modules are listed under imports: [blocks.yaml]", "defaults",
	"an import brings modules by their own names; names: {Block: NameHere} gives them others", "as",
)

// Arguments are those of operations, layers and optimizers.
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

	"it isn't given: the input says so", "in_features in_channels num_features input_shape input_size input_dims",
	"it isn't given: the input's last dimension is normalized", "normalized_shape",
	"it isn't given: the input's last dimension says so", "d_model embed_dim key_dim",
	"it isn't needed: memory is planned", "inplace",
	"write `trainable: false` on the node of a layer whose parameters aren't to be trained", "requires_grad",
	"an activation is a node of its own: a: relu(h)", "activation",
	"all parameters that the loss depends on are trained; train.param_groups tells them apart", "params parameters",
	`write reduction="mean" or reduction="sum"`, "size_average",
	"the node's name says where the result goes", "out",
	"a module of its own has initial values: modules: {M: {params: {w: {shape: [8], init: 0}}, …}}", "kernel_initializer bias_initializer weight_init init initializer",
	"losses take logits; there is no other way", "from_logits",
)

// DTypes are what dtypes are called elsewhere.
var DTypes = names(
	"f32", "float float32 fp32 single FloatTensor",
	"f16", "float16 half fp16 HalfTensor",
	"bf16", "bfloat16",
	"f64", "double float64 fp64 DoubleTensor",
	"i32", "int int32",
	"i64", "int64 long LongTensor",
	"bool", "boolean bool_ BoolTensor",
	"there are no complex numbers", "complex complex64 complex128 cfloat",
	"ids and labels are i32 or i64", "int8 int16 short uint8 byte u8 uint16 uint32 uint64 char i8 i16",
	"there are no texts in tensors", "string str object",
)

// Words are what expressions of other languages hold.
var Words = names(
	"write true", "True TRUE yes Yes on",
	"write false", "False FALSE no No off",
	"write nil", "None null Null NULL undefined",
	"a var is written by its name alone", "vars",
	"a node is written by its name alone", "model",
	"names are visible without it", "self",
	"write 3.141592653589793", "pi PI",
	"write exp(1)", "e",
	"there is no literal for it; isinf(x) finds it", "inf Inf Infinity",
	"there is no literal for it; isnan(x) finds it", "nan NaN",
	"there are no epochs; `step` counts, from 0", "epoch global_step",
)

// Methods are methods of values that aren't operations of the same name.
var Methods = names(
	`write cast(x, "f16") for a dtype; a device is a node's key: {exp: x, device: cpu}`, "to",
	"a device is a node's key, {exp: x, device: cuda}, or stands under placement", "cuda",
	"a device is a node's key, {exp: x, device: cpu}, or stands under placement", "cpu",
	"give the size a name in an input's type, f32[batch, 8], and use that", "size",
	"an input's type says how many dims there are", "dim ndimension",
	"give the sizes names in an input's type, and multiply them", "numel nelement",
	"training computes gradients by itself; grad(y, x) is one", "backward",
	"gradients are computed anew at every step", "zero_grad",
	"train.optimizer updates the parameters", "step",
	"values stay tensors; a scalar is one without dimensions", "item tolist",
	"values stay tensors", "numpy",
	"no values are put into strings", "format",
	"write list + [item]", "append",
	`write cast(x, "f16"), with the dtype that is meant`, "type astype",
)

// Casts are methods that convert to a dtype.
var Casts = map[string]string{"float": "f32", "double": "f64", "half": "f16", "bfloat16": "bf16", "long": "i64", "int": "i32", "bool": "bool"}

// Namespaces are how other languages call their libraries.
var Namespaces = set("torch nn F functional np numpy jnp jax tf math optim keras layers K lax flax scipy mx paddle activations losses backend")

// Sized are operations that take sizes, dims or tensors as one argument, a list,
// where other libraries take them one by one; with the place of that argument.
var Sized = map[string]int{"reshape": 1, "broadcast_to": 1, "permute": 1, "zeros": 0, "ones": 0, "concat": 0, "stack": 0}

// Given are layers whose first argument says elsewhere what the input says here,
// if so many arguments are given.
var Given = map[string]int{"Linear": 2, "LayerNorm": 1, "RMSNorm": 1, "BatchNorm": 1, "GroupNorm": 2, "SelfAttention": 2, "TransformerBlock": 2}

// several is names for names that stand in several rows.
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
