package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkSpec is a spec with one data source.
func checkSpec(source string) string {
	return "flowrun: 1\ndata:\n  d:\n" + source + "model:\n  nodes: {y: \"ones([1])\"}\n  outputs: [y]\n"
}

// faultsOf checks the data and gives the places of faults, as "file:row", in their order.
func faultsOf(t *testing.T) (places, messages []string) {
	t.Helper()
	code, out, errors := flowrunWith(t, "data", "spec.yaml", "--check", "--format", "json")
	var report struct {
		Diagnostics []struct {
			Message, File string
			Line          int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), "%s%s", out, errors)
	for _, d := range report.Diagnostics {
		places = append(places, filepath.ToSlash(d.File)+":"+strconv.Itoa(d.Line))
		messages = append(messages, d.Message)
	}
	if len(places) == 0 {
		require.Equal(t, exitDone, code, errors)
	} else {
		require.Equal(t, exitProblems, code)
	}
	return places, messages
}

func TestEachFaultOfACSVIsListedAlsoBehindQuotedLineFeeds(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := checkSpec("    csv: d.csv\n    fields:\n      n: {type: \"i64[]\"}\n      x: {type: \"f32[]\"}\n      c: {type: \"i64[]\", classes: [a, b]}\n    batch: 2\n")
	var b strings.Builder
	b.WriteString("n,x,c,remark\n")
	line := 2
	var want []string
	for i := range 3000 {
		n, x, c, remark, more := "1", "0.5", "a", "", ""
		switch i % 100 {
		case 3:
			n = "3.7"
		case 17:
			x = "1,5"
			x = `"1,5"`
		case 40:
			more = ",again"
		case 41:
			n, x = "9223372036854775808", "NA"
			want = append(want, fmt.Sprintf("d.csv:%d", line)) // one for each column
		case 60:
			remark = "\"one\r\n\ntwo\""
		}
		if slices.Contains([]int{3, 17, 40, 41}, i%100) {
			want = append(want, fmt.Sprintf("d.csv:%d", line))
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s%s\n", n, x, c, remark, more)
		line += 1 + strings.Count(remark, "\n")
	}
	tree(t, map[string]string{"spec.yaml": spec, "d.csv": b.String()})
	places, messages := faultsOf(t)
	require.Equal(t, want[:shownFaults], places[:shownFaults])
	require.Equal(t, fmt.Sprintf("%d more faults", len(want)-shownFaults), messages[shownFaults])
	require.Len(t, messages, shownFaults+1)
	code, out, errors := flowrunWith(t, "data", "spec.yaml", "--check")
	require.Equal(t, exitProblems, code)
	require.Equal(t, fmt.Sprintf("d: %d faults\n", len(want)), out)
	require.Contains(t, errors, fmt.Sprintf("and %d more\n", len(want)-shownFaults))
	require.Contains(t, errors, want[0]+":1: error[unfit-file]: column \"n\": \"3.7\"")
}

func TestEachUnknownClassIsListed(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := checkSpec("    csv: d.csv\n    fields:\n      c: {type: \"i64[]\", classes: [a, b]}\n    batch: 2\n")
	tree(t, map[string]string{"spec.yaml": spec, "d.csv": "c\na\nc\nb\nA\na \n"})
	places, messages := faultsOf(t)
	require.Equal(t, []string{"d.csv:3", "d.csv:5", "d.csv:6"}, places)
	require.Contains(t, messages[2], `"a "`, "blanks are seen")
	require.NoError(t, os.WriteFile("d.csv", []byte("c\na\nb\n"), 0o644))
	places, _ = faultsOf(t)
	require.Empty(t, places)
}

// A class that the spec doesn't list is a fault like others, also among them, but not in a
// row that is left out.
func TestUnknownClassesAreListedTogetherWithOtherFaults(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := checkSpec("    csv: d.csv\n    missing: [\"\"]\n    fields:\n      n: {type: \"i64[]\", fill: drop}\n      c: {columns: [c, d], type: \"i64[2]\", classes: [a, b]}\n    batch: 2\n")
	tree(t, map[string]string{"spec.yaml": spec, "d.csv": "n,c,d\n1,a,b\n2,x,b\nz,a,y\n,q,q\n4,x,y\n"})
	places, messages := faultsOf(t)
	require.Equal(t, []string{"d.csv:3", "d.csv:4", "d.csv:4", "d.csv:6", "d.csv:6"}, places)
	require.Contains(t, messages[0], `column "c": "x" is no class`)
	require.Contains(t, messages[1], `column "n": "z" is not a number`)
	require.Contains(t, messages[2], `column "d": "y" is no class`)
	require.NoError(t, os.WriteFile("d.csv", []byte("n,c,d\n1,a,b\n,q,q\n"), 0o644))
	places, _ = faultsOf(t)
	require.Empty(t, places)
}

func TestEachFaultOfJSONLinesIsListed(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := checkSpec("    jsonl: d.jsonl\n    fields:\n      v: {type: \"i64[2]\"}\n    batch: 2\n")
	lines := []string{`{"v": [1, 2]}`, `{"v": [1]}`, `{"v": [1, 2.5]}`, `{"v": [1, 2]`, ``, `{"V": [1, 2]}`, `{"v": [1, 9007199254740993]}`, `{"v": [1, 2], "v": [3, 4]}`, `[1, 2]`, `{"v": [1, 2]}`}
	tree(t, map[string]string{"spec.yaml": spec, "d.jsonl": strings.Join(lines, "\n") + "\n"})
	places, _ := faultsOf(t)
	require.Equal(t, []string{"d.jsonl:2", "d.jsonl:3", "d.jsonl:4", "d.jsonl:5", "d.jsonl:6", "d.jsonl:8", "d.jsonl:9"}, places)
}

func TestEachFaultOfAnIdxFileIsListed(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := checkSpec("    idx: {y: d.idx}\n    fields:\n      y: {type: \"u8[]\", classes: 3}\n    batch: 2\n")
	const n = 9000 // more than are read at once
	b := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, n)
	b = append(b, make([]byte, n)...)
	var want []string
	for _, i := range []int{0, 2, 4095, 4096, n - 1} {
		b[8+i] = byte(3 + i%250)
		want = append(want, fmt.Sprintf("d.idx:%d", i+1))
	}
	tree(t, map[string]string{"spec.yaml": spec, "d.idx": string(b)})
	places, _ := faultsOf(t)
	require.Equal(t, want, places)
}

func TestEachDamagedImageIsListed(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	var whole bytes.Buffer
	require.NoError(t, png.Encode(&whole, image.NewGray(image.Rect(0, 0, 4, 4))))
	var wide bytes.Buffer
	require.NoError(t, png.Encode(&wide, image.NewGray(image.Rect(0, 0, 5, 4))))
	damaged := slices.Clone(whole.Bytes())
	damaged[len(damaged)-20] ^= 1
	files := map[string]string{"spec.yaml": checkSpec("    images: pets\n    fields:\n      x: {value: image, type: \"u8[1, 4, 4]\"}\n    batch: 2\n")}
	for i := range 40 {
		files[fmt.Sprintf("pets/cat/%02d.png", i)] = whole.String()
	}
	files["pets/cat/05.png"] = whole.String()[:whole.Len()/2]
	files["pets/cat/17.png"] = string(damaged)
	files["pets/cat/18.png"] = "GIF89a"
	files["pets/dog/30.png"] = ""
	files["pets/dog/31.png"] = wide.String()
	tree(t, files)
	places, _ := faultsOf(t)
	slices.Sort(places)
	require.Equal(t, []string{"pets/cat/05.png:0", "pets/cat/17.png:0", "pets/cat/18.png:0", "pets/dog/30.png:0", "pets/dog/31.png:0"}, places)
}

func TestAFaultOfAWholeFileIsShownWhereTheSpecNamesIt(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := checkSpec("    csv: d.csv\n    fields:\n      n: {type: \"i64[]\"}\n    batch: 2\n")
	tree(t, map[string]string{"spec.yaml": spec})
	code, out, errors := flowrunWith(t, "data", "spec.yaml", "--check")
	require.Equal(t, exitProblems, code)
	require.Equal(t, "d: 1 fault\n", out)
	require.Contains(t, errors, "spec.yaml:4:10: error[unfit-file]: data source d: d.csv: file does not exist\n    4 |     csv: d.csv\n")
}
