package jsonl

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/tabletest"
)

// FuzzAnObjectIsReadAsEncodingJSONDoes compares values with those that encoding/json
// decodes into a map, wherever no key is twice in the line.
func FuzzAnObjectIsReadAsEncodingJSONDoes(f *testing.F) {
	for _, line := range []string{
		`{"a": 1, "t": "x", "v": [1, 2]}`, `{"a": -1.5e3, "t": "\u00e9\n", "v": [0, -0], "b": {"a": [[]]}}`, `{}`, `{"a": null}`, `[`, `{"a":1}}`,
		`{"\u0061": 1, "t": "\ud834\udd1e", "v": [1e-400, 1]}`, `{"a": 1, "t": "", "v": [1]}`, `{"a":1e999,"t":"x","v":[1,2]}`,
	} {
		f.Add([]byte(line))
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\n\x00") || !utf8.Valid(line) || bytes.HasPrefix(line, []byte("\ufeff")) {
			t.Skip("no line of a text")
		}
		path := filepath.Join(folder, "a.jsonl")
		require.NoError(t, os.WriteFile(path, line, 0o600))
		d := tabletest.Decl(t, "jsonl", "a f64[]\nt i64[] classes=9\nv f64[2]")
		opened, err := open(context.Background(), tabletest.Input(d, path))
		var want struct {
			A *float64
			T *string
			V []*float64
		}
		all := map[string]json.RawMessage{}
		if json.Unmarshal(line, &all) != nil || string(bytes.TrimSpace(line)) == "null" {
			require.Error(t, err)
			return
		}
		twice := bytes.Count(line, []byte(`"`)) > 40 || strings.Count(string(line), ":") != len(all)
		good := json.Unmarshal(all["a"], &want.A) == nil && want.A != nil && json.Unmarshal(all["t"], &want.T) == nil && want.T != nil &&
			json.Unmarshal(all["v"], &want.V) == nil && len(want.V) == 2 && want.V[0] != nil && want.V[1] != nil
		if twice || strings.Contains(strings.ToLower(string(all["t"])), `\ud`) {
			return // whatever it gives, it gives it without harm
		}
		require.Equal(t, good, err == nil, "%v", err)
		if good {
			require.Equal(t, []float64{*want.A}, tabletest.Floats(t, opened, 0))
			require.Equal(t, []string{*want.T}, tabletest.Texts(t, opened, 1))
			require.Equal(t, []float64{*want.V[0], *want.V[1]}, tabletest.Floats(t, opened, 2))
		}
	})
}
