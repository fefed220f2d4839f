package spec

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// otherReading is what another reader of YAML and the schema make of a text.
type otherReading struct {
	Valid              bool
	Kind, Value, Error string
}

// otherReaders gives what they make of texts, or skips the test. That ajv compiles
// the schema in its strict mode is part of it.
func otherReaders(t *testing.T, texts []string) []otherReading {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node; ajv and yaml run on it")
	}
	modules, err := filepath.Abs("../.tools/node_modules")
	require.NoError(t, err)
	for _, name := range []string{"ajv", "yaml"} {
		if _, err := os.Stat(filepath.Join(modules, name)); err != nil {
			t.Skipf("needs npm's %s; scripts/test installs it", name)
		}
	}
	asked, err := json.Marshal(map[string]any{"schema": json.RawMessage(Schema()), "texts": texts})
	require.NoError(t, err)
	// A file: what node reads of a pipe at once may be nothing yet, which it takes for an error.
	file := filepath.Join(t.TempDir(), "asked.json")
	require.NoError(t, os.WriteFile(file, asked, 0o666))
	c := exec.Command(node, "testdata/readers.cjs", modules, file)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	require.NoError(t, err, stderr.String())
	var all []otherReading
	require.NoError(t, json.Unmarshal(out, &all))
	require.Len(t, all, len(texts))
	return all
}

func TestTheSchemaCompilesInAjvsStrictModeAndAcceptsValidSpecs(t *testing.T) {
	var texts []string
	for text := range numberTexts {
		for _, place := range numberPlaces(text) {
			texts = append(texts, place)
		}
	}
	files, err := filepath.Glob("../graphs/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		texts = append(texts, string(src))
	}
	texts = append(texts, "flowrun: 1\nmodules: {A: {output: 1.0}}\n", "flowrun: 1\nseed: 1\nmodules: {A: {output: 1.0}}\n", "1")
	valid := 0
	for i, r := range otherReaders(t, texts) {
		require.Empty(t, r.Error, texts[i])
		if i >= len(texts)-2 {
			require.False(t, r.Valid, texts[i])
		} else if i >= len(texts)-3-len(files) {
			require.True(t, r.Valid, texts[i])
		}
		if r.Valid {
			valid++
		}
	}
	require.Greater(t, valid, 100)
	require.Less(t, valid, len(texts)-100)
}

func TestOtherYAMLParsersAndTheSchemaSeeTheSameNumbers(t *testing.T) {
	type question struct{ text, place string }
	var asked []question
	var texts []string
	for text := range numberTexts {
		for place, doc := range numberPlaces(text) {
			asked, texts = append(asked, question{text, place}), append(texts, doc)
		}
	}
	for i, r := range otherReaders(t, texts) {
		q := asked[i]
		_, list := decoded(t, texts[i], Options{})
		if beyondDoubles(q.text) || unseenBySchemas(q.text, q.place) || q.place == "var" && numberTexts[q.text] == nil {
			continue
		}
		require.Equal(t, !list.HasErrors(), r.Valid, "%s: %s: %s", q.place, q.text, list.Text())
	}
}

// Texts drawn of what numbers are made of are of one kind and value to both.
func TestPlainScalarsAgreeWithAnotherYAML12Parser(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := strings.Split("0 0 1 7 8 9 10 _ . . e E + - 0x 0o 0b x o F a inf nan .inf .Inf .nan null ~ true True yes", " ")
	var texts []string
	for text := range numberTexts {
		texts = append(texts, text)
	}
	for len(texts) < 20_000 {
		var b strings.Builder
		for range 1 + random.IntN(5) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		if text := b.String(); text != "-" && text != "---" {
			texts = append(texts, text)
		}
	}
	kinds := map[string]int{}
	for i, r := range otherReaders(t, texts) {
		var list diag.List
		n := tree.Parse("a.yaml", texts[i], &list)
		if r.Error != "" || n == nil {
			require.Equal(t, r.Error != "", n == nil, texts[i])
			continue
		}
		got := map[tree.Kind]string{tree.Null: "null", tree.Bool: "bool", tree.Int: "int", tree.Float: "float", tree.String: "string"}[n.Kind]
		require.Equal(t, r.Kind, got, "%q", texts[i])
		kinds[got]++
		switch n.Kind {
		case tree.Int:
			if v, err := tree.ParseInt(n.Text); err == nil {
				require.Equal(t, r.Value, strconv.FormatInt(v, 10), texts[i])
			}
		case tree.Float:
			want, err := strconv.ParseFloat(strings.Replace(r.Value, "Infinity", "Inf", 1), 64)
			require.NoError(t, err)
			if v, err := tree.ParseFloat(n.Text); err == nil {
				require.Equal(t, math.Float64bits(want)&^(1<<63), math.Float64bits(v)&^(1<<63), texts[i])
			}
		}
	}
	for _, kind := range []string{"null", "bool", "int", "float", "string"} {
		require.Greater(t, kinds[kind], 50, kind)
	}
}
