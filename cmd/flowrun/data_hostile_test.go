package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is wrong with a file, the commands that read it say the same of it, with its
// place.
func TestBadInputHasItsPlaceInEveryCommand(t *testing.T) {
	const model = `model:
  inputs: {x: "f32[batch, 2]"}
  nodes: {s: {Linear: x, out_features: 2}}
  outputs: [s]
train:
  data: d
  loss: mean(s * s)
  optimizer: {SGD: {lr: 0.01}}
  max_steps: 3
`
	const csv = "    csv: d\n    fields:\n      x: {columns: [a, b], type: \"f32[2]\"}\n      y: {column: c, type: \"i64[]\", classes: [p, q]}\n    batch: 2\n"
	const array = "    npy: {x: d}\n    fields: {x: {type: \"f32[2]\"}}\n    batch: 2\n"
	const lines = "    jsonl: d\n    fields: {x: {type: \"f32[2]\"}}\n    batch: 2\n"
	const ok = "a,b,c\n1,2,p\n3,4,q\n"
	for name, c := range map[string]struct{ source, content, place, says string }{
		"nothing wrong":   {csv, ok, "", ""},
		"truncated":       {csv, ok + "5,6", "d:4", "the row has 2 values, the header 3"},
		"ragged":          {csv, ok + "5,6,p,7\n", "d:4", "the row has 4 values, the header 3"},
		"open quote":      {csv, ok + "5,6,\"p\n7,8,q\n", "d:4", "the quote that opens here is not closed"},
		"no number":       {csv, ok + "5,\u200b6,p\n", "d:4", `"\u200b6" is not a number`},
		"another charset": {csv, ok + "5,6,caf\xe9\n", "d:4", "looks like Latin-1"},
		"mixed charsets":  {csv, "a,b,c,r\n1,2,p,é\n3,4,q,\xe9\n", "d:3", "looks like Latin-1"},
		"no column":       {csv, "a,B,c\n1,2,p\n", "d:1", `did you mean "B"?`},
		"no class":        {csv, ok + "5,6,P\n", "d:4", `"P" is no class`},
		"empty":           {csv, "", "d", "the file is empty"},
		"controls":        {csv, ok + "\x1b[2J,6,p\n", "d:4", `"\x1b[2J" is not a number`},
		"wrong magic":     {array, "PK\x03\x04 and so on", "d", "it is a zip archive"},
		"unpickled":       {array, "\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" + strings.Repeat(" ", 61) + "\n", "d", `the dtype "|O" is not supported`},
		"cut in a line":   {lines, "{\"x\": [1, 2]}\n{\"x\": [1,", "d:2", "the line ends inside a value"},
		"deep":            {lines, "{\"x\": " + strings.Repeat("[", 100_000) + "\n", "d:1", "exceeded max depth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("FLOWRUN_CACHE", t.TempDir())
			tree(t, map[string]string{"s.yaml": "flowrun: 1\ndata:\n  d:\n" + c.source + model, "d": c.content})
			for args, want := range map[string]int{"validate --data s.yaml": exitProblems, "data s.yaml --check": exitProblems, "data s.yaml d": exitFailed, "run s.yaml": exitFailed} {
				code, out, errors := flowrunWith(t, strings.Fields(args)...)
				if c.says == "" {
					require.Equal(t, exitDone, code, args+errors)
					continue
				}
				require.Equal(t, want, code, args)
				require.Contains(t, out+errors, c.says, args)
				require.Regexp(t, `\b`+c.place+`(:| ?,)`, out+errors, args)
				require.NotContains(t, out+errors, "\x1b", args)
			}
			require.NoError(t, os.Remove("d"))
		})
	}
}
