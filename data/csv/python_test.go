package csv_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/tabletest"
)

// python returns an interpreter that has the modules, or skips the test.
func python(t *testing.T, modules string) string {
	path := os.Getenv("FLOWRUN_TEST_PYTHON")
	if path == "" {
		path = "python3"
	}
	if err := exec.Command(path, "-c", "import "+modules).Run(); err != nil {
		t.Skipf("needs Python with %s (%s: %v)", modules, path, err)
	}
	return path
}

// run runs a script with a folder, and decodes the JSON that it prints.
func run(t *testing.T, modules, script string, into any) (folder string) {
	interpreter := python(t, modules)
	folder = t.TempDir()
	out, err := exec.Command(interpreter, "-c", script, folder).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, into))
	return folder
}

const writer = `
import csv, json, random, sys
random.seed(1)
texts = []
dialects = [(d, q, how) for d in ",;\t|" for q in "\"'" for how in (csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC)]
for i, (delimiter, quote, how) in enumerate(dialects):
    rows = [["".join(random.choice("ab,;\t|\"'\r\n é→") for _ in range(random.randrange(1, 9))) for _ in range(2)] for _ in range(50)]
    with open(f"{sys.argv[1]}/{i}.csv", "w", newline="", encoding=random.choice(["utf-8", "utf-8-sig"])) as f:
        w = csv.writer(f, delimiter=delimiter, quotechar=quote, quoting=how)
        w.writerow(["first", "second"])
        w.writerows(rows)
    texts.append({"delimiter": delimiter, "quote": quote, "texts": [r[1] for r in rows]})
json.dump(texts, sys.stdout)
`

func TestTextsThatPythonWritesAreReadAsTheyWere(t *testing.T) {
	var cases []struct {
		Delimiter, Quote string
		Texts            []string
	}
	folder := run(t, "csv", writer, &cases)
	for i, c := range cases {
		d := decl(t, "second i64[] classes=50")
		d.Options = tabletest.Options(map[string]any{"delimiter": c.Delimiter, "quote": c.Quote})
		opened, err := openAt(d, filepath.Join(folder, fmt.Sprintf("%d.csv", i)))
		require.NoError(t, err, "%+v", c)
		require.Equal(t, c.Texts, tabletest.Texts(t, opened, 0), "%+v", c)
	}
}

const frame = `
import json, sys
import numpy as np, pandas as pd
g = np.random.default_rng(1)
n = 500
x = g.standard_normal(n) * 10.0 ** g.integers(-30, 30, n)
x[::7] = np.nan
frame = pd.DataFrame({"x": x, "f": x.astype("f4"), "i": g.integers(-2**63, 2**63 - 1, n), "b": g.integers(0, 2, n) == 1,
    "s": [["red", "green, \"dark\"", "", "NA"][k] for k in g.integers(0, 4, n)]})
frame.to_csv(sys.argv[1] + "/a.csv", index=False, na_rep="?")
back = pd.read_csv(sys.argv[1] + "/a.csv", float_precision="round_trip", keep_default_na=False, na_values={"x": ["?"], "f": ["?"]}, dtype={"f": "f8"})
none = lambda v: [None if a != a else a for a in v]
json.dump({"x": none(back.x.tolist()), "f": none(back.f.to_numpy().astype("f4").tolist()), "i": [str(v) for v in back.i.tolist()], "b": back.b.tolist(), "s": back.s.tolist()}, sys.stdout)
`

func TestPandasFilesAreReadAsPandasDoes(t *testing.T) {
	var want struct {
		X, F []*float64
		I, S []string
		B    []bool
	}
	folder := run(t, "pandas, numpy", frame, &want)
	opened, err := openAt(decl(t, "missing=?\nx f64[] fill=mean\nf f32[] fill=mean\ni i64[]\nb bool[]\ns i64[] missing=none classes=,NA,red,green"), filepath.Join(folder, "a.csv"))
	require.NoError(t, err)
	floats := func(field int) (all []*float64) {
		for _, v := range tabletest.Floats(t, opened, field) {
			if v != v {
				all = append(all, nil)
			} else {
				all = append(all, &v)
			}
		}
		return all
	}
	require.Equal(t, want.X, floats(0))
	require.Equal(t, want.F, floats(1))
	integers, bools := tabletest.Column(t, opened, 2), tabletest.Column(t, opened, 3)
	for i := range want.I {
		require.Equal(t, want.I[i], fmt.Sprint(integers.Int(i)))
		require.Equal(t, want.B[i], bools.Int(i) == 1)
	}
	require.Equal(t, want.S, tabletest.Texts(t, opened, 4))
}
