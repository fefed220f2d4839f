package foreign

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/diag"
)

// text identifies files of text: pages and messages that came instead of a file, and
// files that stand beside weights.
func text(s Sample) (c Content, ok bool) {
	shown := strings.TrimSpace(strings.TrimPrefix(string(s.Head), "\ufeff"))
	lower := strings.ToLower(shown[:min(len(shown), 200)])
	switch {
	case strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"), strings.HasPrefix(lower, "<!--"), strings.HasPrefix(lower, "<head"):
		c = Content{"an HTML page, perhaps from a failed download", "fetch the file itself; of Hugging Face's pages, that is /resolve/ instead of /blob/ in the address"}
		if title := titleOf.FindStringSubmatch(shown); title != nil {
			c.What = "an HTML page (" + diag.Quote(strings.TrimSpace(title[1])) + "), perhaps from a failed download"
		}
		return c, true
	case strings.HasPrefix(lower, "<?xml"), strings.HasPrefix(lower, "<error>"):
		return Content{"an XML document, perhaps a server's message", "fetch the file itself"}, true
	case strings.HasPrefix(shown, "{"), strings.HasPrefix(shown, "["):
		if c, ok := object(shown); ok {
			return c, true
		}
	case specBegins.MatchString(shown):
		return Content{"a flowrun spec", "name a file of weights; the spec itself comes first on the command line"}, true
	}
	if !printable(s.Head, s.Size) {
		return c, false
	}
	first, _, _ := strings.Cut(shown, "\n")
	return Content{"text, which begins " + diag.Quote(strings.TrimSpace(first)), "fetch the file itself, if this is a server's message"}, true
}

var (
	titleOf    = regexp.MustCompile(`(?is)<title[^>]*>([^<]{1,200})</title>`)
	specBegins = regexp.MustCompile(`(?m)^flowrun[ \t]*:`)
)

// printable reports whether the beginning of a file is text.
func printable(head []byte, size int64) bool {
	if int64(len(head)) < size { // the last character may be cut
		head = head[:max(0, len(head)-utf8.UTFMax)]
	}
	return utf8.Valid(head) && !slices.ContainsFunc(head, func(b byte) bool { return b < ' ' && !bytes.ContainsRune([]byte("\t\r\n\f"), rune(b)) })
}

// object says what a JSON text is, by the keys of its beginning.
func object(shown string) (c Content, ok bool) {
	keys, values := keysOf(shown)
	if len(keys) == 0 && !json.Valid([]byte(shown)) {
		return c, false
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(keys, n) })
	}
	const beside = ", which stands beside weights; name those: "
	switch {
	case has("weight_map"):
		if strings.Contains(shown, `.bin"`) {
			return Content{"the index of PyTorch shards", "to convert them, run in Python: import torch, json, os; from safetensors.torch import save_file; " +
				`d = {}; [d.update(torch.load(os.path.join(os.path.dirname("FILE"), f), map_location="cpu", weights_only=True)) for f in sorted(set(json.load(open("FILE"))["weight_map"].values()))]; ` + saveTorchDict}, true
		}
		return Content{"the index of a model's shards", "it is read where a file of weights is expected: --weights, train.init"}, true
	case has("error", "message") && len(keys) <= 4:
		return Content{"a message in JSON: " + diag.Quote(values["error"]+values["message"]), "fetch the file itself"}, true
	case has("peft_type"):
		return Content{"the configuration of a PEFT adapter" + beside + "adapter_model.safetensors", ""}, true
	case has("model_type", "architectures"):
		return Content{"the configuration of a model" + beside + "model.safetensors, or model.safetensors.index.json", ""}, true
	case has("added_tokens", "tokenizer_class", "truncation"):
		return Content{"a tokenizer" + beside + "model.safetensors, or model.safetensors.index.json", ""}, true
	}
	what := "JSON that is no index of shards (an index has the key weight_map)"
	if len(keys) > 0 {
		what += "; its keys are " + diag.Names(keys)
	}
	return Content{what, NameWeights}, true
}

// NameWeights is the help where nothing is known of a text but that it isn't weights.
const NameWeights = "name a file of weights"

// keysOf gives the keys of an object, as far as its text goes, and those of their values
// that are strings.
func keysOf(shown string) (keys []string, values map[string]string) {
	values = map[string]string{}
	d := json.NewDecoder(strings.NewReader(shown))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, values
	}
	for d.More() {
		t, err := d.Token()
		key, isKey := t.(string)
		if err != nil || !isKey {
			return keys, values
		}
		keys = append(keys, key)
		var value any
		if d.Decode(&value) != nil {
			return keys, values
		}
		if s, isText := value.(string); isText {
			values[key] = s
		}
	}
	return keys, values
}

// Folder says what a folder is that was named instead of a file of weights, by the names
// in it, and which file to name.
func Folder(names []string) (Content, bool) {
	has := func(name string) bool { return slices.Contains(names, name) }
	ends := func(ending string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ending) })
	}
	for _, name := range []string{"model.safetensors.index.json", "model.safetensors", "adapter_model.safetensors", "diffusion_pytorch_model.safetensors", "best.safetensors", "weights.safetensors"} {
		if has(name) {
			return Content{"a folder", "name a file in it, such as " + name}, true
		}
	}
	switch {
	case ends(".safetensors.index.json"), ends(".safetensors"):
		return Content{"a folder", "name a file in it, such as " + diag.Cut(largest(names))}, true
	case has("saved_model.pb"):
		return Content{"a SavedModel of TensorFlow", convertTensorFlow("FOLDER/variables/variables")}.of(""), true
	case ends(".distcp"):
		return Content{"a distributed checkpoint of PyTorch", `make one file of it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER model.pt; then convert that`}, true
	case has("_CHECKPOINT_METADATA"), has("_METADATA"), has("manifest.ocdbt"):
		return Content{"a checkpoint of Orbax (JAX)", "restore it in Python with orbax.checkpoint, and save the arrays with safetensors.flax.save_file"}, true
	case ends(".bin"), ends(".pt"), ends(".pth"):
		return Content{"a folder with PyTorch files", "convert them to safetensors; name one here to see how"}, true
	}
	return Content{}, false
}

// largest is the last of the safetensors files by name: of checkpoints, the newest.
func largest(names []string) (found string) {
	for _, n := range names {
		if strings.HasSuffix(n, ".safetensors.index.json") {
			return n
		}
		if strings.HasSuffix(n, ".safetensors") {
			found = max(found, n)
		}
	}
	return found
}
