package jsonl

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/tabletest"
)

const writer = `
import json, random, struct, sys
random.seed(1)
rows = []
with open(sys.argv[1] + "/a.jsonl", "w", encoding="utf-8", newline="\n") as f:
    for i in range(300):
        row = {"other": [None, {"x": "}]\\"}], "n": random.randrange(-2**63, 2**63), "deep": {"x": [[random.gauss(0, 1) * 10.0 ** random.randrange(-300, 300)], [random.random()]]},
            "t": "".join(random.choice("ab\"\\/\n\t\r é→𝄞\u2028") for _ in range(random.randrange(8))), "b": random.random() < 0.5}
        rows.append(row)
        f.write(json.dumps(row, ensure_ascii=i % 2 == 0) + "\n")
json.dump([[str(r["n"]), r["deep"]["x"], r["t"], r["b"]] for r in rows], sys.stdout)
`

func TestWhatPythonWritesIsReadBack(t *testing.T) {
	interpreter := os.Getenv("FLOWRUN_TEST_PYTHON")
	if interpreter == "" {
		interpreter = "python3"
	}
	folder := t.TempDir()
	out, err := exec.Command(interpreter, "-c", writer, folder).Output()
	if err != nil {
		t.Skipf("needs Python (%s: %v)", interpreter, err)
	}
	var rows [][]any
	require.NoError(t, json.Unmarshal(out, &rows))
	d := tabletest.Decl(t, "jsonl", "n i64[]\nx f64[2,1] key=deep,x\nt i64[] classes=300\nb bool[]")
	opened, err := open(context.Background(), tabletest.Input(d, filepath.Join(folder, "a.jsonl")))
	require.NoError(t, err)
	n, x, texts, b := tabletest.Column(t, opened, 0), tabletest.Floats(t, opened, 1), tabletest.Texts(t, opened, 2), tabletest.Column(t, opened, 3)
	require.Len(t, rows, int(opened.Len()))
	for i, row := range rows {
		require.Equal(t, row, []any{fmt.Sprint(n.Int(i)), []any{[]any{x[2*i]}, []any{x[2*i+1]}}, texts[i], b.Int(i) == 1})
	}
}

// BenchmarkJSONL reads a file, with its hash, into a table in memory.
func BenchmarkJSONL(b *testing.B) {
	var content []byte
	for i := 0; len(content) < 10<<20; i++ {
		content = fmt.Appendf(content, `{"id": %d, "x": [0.%d, -1.5, %d.25, 3e-3], "label": "class %d", "note": "not read"}`+"\n", i, i, i, i%7)
	}
	path := filepath.Join(b.TempDir(), "a.jsonl")
	require.NoError(b, os.WriteFile(path, content, 0o600))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		_, err := open(context.Background(), tabletest.Input(tabletest.Decl(b, "jsonl", "x f32[4]\ny i64[] key=label classes=7"), path))
		require.NoError(b, err)
	}
}
