package spec_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("flowrun.json", schema))
	compiled, err := c.Compile("flowrun.json") // checks it against draft 2020-12 itself
	require.NoError(t, err)
	return compiled
}

// everything has every section at least once, in every form.
func everything(t *testing.T) any {
	t.Helper()
	text := strings.Replace(richSpec, "  until: m < 0.1", trainOptions+"  until: m < 0.1", 1)
	_, list := spec.Parse("everything.yaml", []byte(text), spec.Options{})
	require.Empty(t, list.Items, list.Text())
	var doc any
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return jsonOf(t, doc)
}

const trainOptions = `  clip_grad_norm: 1.0
  accumulate: 2
  param_groups: [{match: "b*.bias", lr: 0.1}, {match: "*.h.weight", frozen: true}]
  init: {safetensors: w.safetensors, partial: true, match: ["b.*", "*.h.weight"], ignore: old.bias, rename: {old.weight: "b.0.h.weight", "x.*.w": ["b.*.h.weight"]}, forget: [z]}
  eval: {data: recorded, every: 10, metrics: {v: mean(o)}, batches: 2}
  early_stop: {metric: m, patience: 3, mode: min, min_delta: 0.1}
  checkpoint: {every: 10, keep: 2, best: {metric: eval.v, mode: max}, dir: saved}
`

// jsonOf is a value as JSON has it.
func jsonOf(t require.TestingT, v any) any {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return out
}

// A schema that complains about what the decoder takes would be a nuisance in
// editors; one that misses what the decoder calls structural would be useless.
func TestTheSchemaAndTheDecoderAgreeOnStructure(t *testing.T) {
	agreeOn(t, everything(t))
	agreeOn(t, filesOfAllKinds(t))
	agreeOn(t, updatesOfAllKinds(t))
}

// updatesOfAllKinds has updates with all their keys.
func updatesOfAllKinds(t *testing.T) any {
	t.Helper()
	const text = `
flowrun: 1
optimizers: {Own: {args: {lr: scalar}, require: {it is a matrix: len(shape) < 3}, update: {param: param - lr * grad}}}
data: {d: {generate: {x: "normal(0, 1, [8, 4])"}}}
model:
  inputs: {x: "f32[8, 4]"}
  nodes: {a: {Linear: x, out_features: 4}, b: {Linear: x, out_features: 4, trainable: false}}
  outputs: [a, b]
train:
  data: d
  updates:
    first: {loss: mean(a), parameters: ["a.*"], optimizer: {Own: {lr: 1}}, param_groups: [{match: "*.bias", optimizer: {SGD: {lr: 1}}}],
      clip_grad_norm: 1, accumulate: 2, weight: sum(x), every: 2, when: step > 2, sees_earlier: false}
    second: {assign: {a.bias: 0.5 * a.bias}, every: 3}
    third: {copy: {"a.*": "b.*"}, rate: 0.5}
  averages: {ema: {decay: 0.5, start: 2, every: 3, match: "a.*"}}
  eval: {data: d, every: 10, weights: ema, metrics: {v: mean(a)}}
  max_steps: 5
`
	_, list := spec.Parse("updates.yaml", []byte(text), spec.Options{})
	require.Empty(t, list.Items, list.Text())
	var doc any
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return jsonOf(t, doc)
}

// filesOfAllKinds has data sources of files, with all that they have in common.
func filesOfAllKinds(t *testing.T) any {
	t.Helper()
	text := strings.NewReplacer("    shuffle: true\n", `    shuffle: true
    drop_last: false
    repeat: 5
    limit: size
    split: {parts: {a: 0.5, b: 0.25}, stratify: y, order: random, seed: 1}
    transform: {x: x * 2}
    missing: ["", "?"]
    decimal: "."
`, "  held:\n", `  text: {text: [a.txt, b.txt], tokens: bytes, fields: {x: {type: "u8[8]", offset: 1}}, batch: 2}
  arrays: {npy: {x: x.npy}, fields: {x: {type: "f32[2]", normalize: field}}}
  more: {npy: "m*.npy", fields: {x: {type: "f32[2]", normalize: field}}}
  both: {mix: {arrays: 1, more: 2}, batch: 3}
  side: {zip: [both, alone], batch: 3}
  alone: {csv: c.csv, fields: {z: {type: "i64[]", classes: 3, unknown: 0, fill: drop, missing: "?"}}, split: {by: z, parts: {p: s, q: [t, u]}}, batch: 3}
  held:
`, "data: points", "data: points.a", "every: epoch", "every: epoch, batches: 3").Replace(withFiles)
	_, list := spec.Parse("files.yaml", []byte(text), spec.Options{})
	require.False(t, list.HasErrors(), list.Text())
	var doc any
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	return jsonOf(t, doc)
}

func agreeOn(t *testing.T, whole any) {
	t.Helper()
	schema := compiledSchema(t)
	require.NoError(t, schema.Validate(whole))
	rapid.Check(t, func(t *rapid.T) {
		doc := jsonOf(t, whole)
		path := mutate(t, doc)
		text, err := json.Marshal(doc)
		require.NoError(t, err)
		refused := schema.Validate(jsonOf(t, doc))
		_, list := spec.Parse("a.yaml", text, spec.Options{})
		if refused != nil {
			require.True(t, list.HasErrors(), "%s: the schema refuses what the decoder takes: %v", path, refused)
		}
		for _, d := range list.Items {
			if slices.Contains([]diag.Rule{diag.UnknownKey, diag.MissingKey, diag.WrongType}, d.Rule) && !onlyDecoder(d) {
				require.Error(t, refused, "%s: the schema takes what the decoder refuses: %s", path, d.Message)
			}
		}
	})
}

func TestTheSchemaKnowsFilesOfModules(t *testing.T) {
	schema := compiledSchema(t)
	library := map[string]any{"flowrun": 1, "imports": []any{"a.yaml", map[string]any{"from": "b.yaml", "names": []any{"B"}}},
		"modules": map[string]any{"A": map[string]any{"output": "1.0 + 2.0"}}}
	require.NoError(t, schema.Validate(jsonOf(t, library)))
	library["seed"] = 1
	require.ErrorContains(t, schema.Validate(jsonOf(t, library)), "missing property 'model'")
}

// onlyDecoder reports faults whose rule is structural, though only values show
// them.
func onlyDecoder(d diag.Diagnostic) bool {
	return slices.ContainsFunc([]string{
		"must be of type",                          // a var's value against its type
		"can't bound",                              // and against its bounds
		"does not set `param`",                     // what an update says
		"requires the key `batch`",                 // unless others use the data source
		"must be a fraction",                       // unless a field says what is in the part
		"its inputs, not a mapping",                // an operation's
		"requires an expression, but has no value", // an argument; an operation without inputs has none, and only names tell them apart
	}, func(s string) bool { return strings.Contains(d.Message, s) })
}

// mutate changes one thing somewhere in a document, and says what.
func mutate(t *rapid.T, doc any) string {
	path := ""
	at := doc
	for {
		var keys []string
		var set func(key string, v any)
		var get func(key string) any
		switch v := at.(type) {
		case map[string]any:
			keys = slices.Sorted(maps.Keys(v))
			get = func(key string) any { return v[key] }
			set = func(key string, to any) { v[key] = to }
			switch rapid.IntRange(0, 9).Draw(t, "act") {
			case 0:
				v["nonsense"] = 1
				return path + " gets a key"
			case 1:
				if len(keys) > 0 {
					key := rapid.SampledFrom(keys).Draw(t, "key")
					delete(v, key)
					return path + "." + key + " goes"
				}
			}
		case []any:
			for i := range v {
				keys = append(keys, string(rune('0'+i)))
			}
			get = func(key string) any { return v[key[0]-'0'] }
			set = func(key string, to any) { v[key[0]-'0'] = to }
		}
		if len(keys) == 0 {
			return path + " stays"
		}
		key := rapid.SampledFrom(keys).Draw(t, "key")
		path += "." + key
		next := get(key)
		_, isMap := next.(map[string]any)
		_, isList := next.([]any)
		if !isMap && !isList || rapid.IntRange(0, 3).Draw(t, "stop") == 0 {
			to := rapid.SampledFrom([]any{nil, true, 1, 0, -3, 1.5, "x", "", "auto", "cpu", "int", "f32[1]", []any{}, []any{1}, []any{"x"},
				map[string]any{}, map[string]any{"a": 1}, map[string]any{"value": 1}, map[string]any{"type": "int"}}).Draw(t, "value")
			set(key, to)
			text, _ := json.Marshal(to)
			return path + " becomes " + string(text)
		}
		at = next
	}
}
