package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/runtest"
)

// What careful users try with files of weights, and what they are told.

// petsFrom is the spec of pets with a section that names a base, and other pets to train
// on.
func petsFrom(t *testing.T, init string) (spec string) {
	t.Helper()
	dir, spec := pets(t, "3", "mean")
	require.NoError(t, petWeights(t, spec).Save(filepath.Join(dir, "base.safetensors")))
	put(t, dir, "pets.csv", "size,species\n10,ape\n20,bee\n30,gnu\n10,bee\n")
	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	text = []byte(strings.Replace(string(text), "flowrun: 1\n", "flowrun: 1\nvars: {base: base}\n", 1))
	return put(t, dir, "tuned.yaml", string(text)+"  init: "+init+"\n")
}

// checked is what is found in a spec and the files that it names.
func checked(spec string) string {
	findings := flowrun.Check(spec, flowrun.WithFiles())
	return findings.Text()
}

// A run that would fail because of the classes that its base knows isn't called valid.
func TestClassesThatABaseDoesNotKnowAreFoundWithTheSpec(t *testing.T) {
	spec := petsFrom(t, `{safetensors: "{base}.safetensors", ignore: logits.bias, partial: true}`)
	findings := checked(spec)
	require.Contains(t, findings, `pets.csv:2, column "species": "ape" is no class of the field y that the training data has: "cat", "dog", "eel"`)
	require.Contains(t, findings, "write --weights-forget y, or forget: y in the init section")
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	_, err = p.Start(t.Context())
	require.ErrorContains(t, err, "or forget: y in the init section")

	for _, forget := range []string{"y", `"*"`, "[x, y]"} {
		spec = petsFrom(t, `{safetensors: "{base}.safetensors", ignore: logits.bias, partial: true, forget: `+forget+`}`)
		findings = checked(spec)
		require.NotContains(t, findings, "unfit-file")
		s := runtest.Started(t, spec)
		runtest.Ran(t, s, 1)
	}
	spec = petsFrom(t, `{safetensors: base.safetensors, ignore: logits.bias, partial: true, forget: "z*"}`)
	require.Contains(t, checked(spec), `forget: the weights know nothing of the field "z*"; they know of x, y`)
}

// More classes than the base's are an error of another kind, with the same cure.
func TestOtherNumbersOfClassesAreForgottenToo(t *testing.T) {
	dir, spec := pets(t, "3", "mean")
	base := filepath.Join(dir, "base.safetensors")
	require.NoError(t, petWeights(t, spec).Save(base))
	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	text = []byte(strings.NewReplacer("classes: 3", "classes: 2", "out_features: 3", "out_features: 2").Replace(string(text)))
	two := put(t, dir, "two.yaml", strings.Replace(string(text), "logits: {Linear: x", "h: {Linear: x, out_features: 1}\n    logits: {Linear: h", 1))
	put(t, dir, "pets.csv", "size,species\n10,ape\n20,bee\n")
	require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, "h.safetensors"), map[string]*flowrun.Tensor{}))
	p, err := flowrun.Load(two)
	require.NoError(t, err)
	file, err := safetensors.Open(base)
	require.NoError(t, err)
	metadata := file.Metadata()
	require.NoError(t, file.Close())
	first := runtest.Weights(t, runtest.Started(t, two))
	require.NoError(t, safetensors.WriteWith(base, only(first, "h.weight", "h.bias"), map[string]string{"flowrun.data": metadata["flowrun.data"]}))
	w, err := p.ReadWeightsBy(base, flowrun.WeightsRule{Partial: true})
	require.NoError(t, err)
	_, err = p.Start(t.Context(), flowrun.WithWeights(w))
	require.ErrorContains(t, err, "the field y is declared to have 2 classes, and the weights know 3")
	require.ErrorContains(t, err, "write --weights-forget y")
}

// The file of train.init may be given by who runs the spec; what braces mean is as in the
// names of data.
func TestTheNameOfABaseMayHaveVars(t *testing.T) {
	for name, want := range map[string]string{
		"{base}.safetensors": "", "{{base}}.safetensors": "{base}.safetensors", "{bose}.safetensors": "unknown-name", "{base.safetensors": "without a }",
	} {
		spec := petsFrom(t, `{safetensors: "`+name+`", forget: y}`)
		findings := checked(spec)
		if want == "" {
			require.NotContains(t, findings, "error")
		}
		require.Contains(t, findings, want)
	}
	spec := petsFrom(t, `{safetensors: "{base}.safetensors", forget: y}`)
	other := filepath.Join(filepath.Dir(spec), "other.safetensors")
	require.NoError(t, os.Rename(filepath.Join(filepath.Dir(spec), "base.safetensors"), other))
	p, err := flowrun.Load(spec, flowrun.With("base", "other"))
	require.NoError(t, err)
	require.Contains(t, p.Files(), other)
	_, err = flowrun.Load(spec, flowrun.With("base", "../other"))
	require.ErrorContains(t, err, "outside the spec's folder")
}

// Facts that training can't have learned are an error with the file's name, before
// anything is computed with them.
func TestFactsThatCannotBeAreRefusedWithTheirFile(t *testing.T) {
	dir, spec := pets(t, "3", "mean")
	w := petWeights(t, spec)
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	path := filepath.Join(dir, "w.safetensors")
	for facts, want := range map[string]string{
		"nonsense": "can't be read", `{"x": {"fill": [1], "std": [-1]}}`: "a standard deviation is -1", `{"y": {"classes": ["a", "a", "b"]}}`: `"a" has two ids`,
	} {
		require.NoError(t, safetensors.WriteWith(path, w.Tensors, map[string]string{"flowrun.data": facts}))
		_, err := p.ReadWeights(path)
		require.ErrorContains(t, err, path+": what the weights know of ")
		require.ErrorContains(t, err, want)
	}
}

// Who forgets the weights is told, and still gets what an untrained model says.
func TestInferenceWithoutWeightsIsNoted(t *testing.T) {
	dir, spec := pets(t, "[cat, dog, eel]", "0")
	p, err := flowrun.Load(spec)
	require.NoError(t, err)
	in := put(t, dir, "new.csv", "size\n1\n")
	notes := func(options ...flowrun.StartOption) (all []string) {
		options = append(options, flowrun.OnDataNote(func(note string) { all = append(all, note) }))
		_, err := p.InferTo(t.Context(), flowrun.FileInference{In: in}, new(strings.Builder), "jsonl", options...)
		require.NoError(t, err)
		return all
	}
	require.Equal(t, []string{"no weights were given: the parameters have their initial values, as before training"}, notes())
	require.Empty(t, notes(flowrun.WithWeights(petWeights(t, spec))))
}
