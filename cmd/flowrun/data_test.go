package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/internal/racetest"
)

// flowers is a spec with a little of everything that a data source may have.
const flowers = `flowrun: 1
seed: 4
data:
  flowers:
    csv: flowers.csv
    missing: ["", "?"]
    fields:
      x: {columns: [length, width], type: "f32[2]", normalize: element, fill: mean}
      kind: {column: kind, type: "i64[]", classes: 3}
      number: {type: "i64[]"}
      weight: {type: "f64[]", fill: 0.5}
    split: {parts: {train: 0.75, test: 0.25}, stratify: kind}
    batch: 4
    shuffle: true
    transform: {area: "x * x"}
  noise: {generate: {z: "uniform(-1, 1, [2])"}}
  notes:
    text: notes.txt
    tokens: characters
    vocabulary: 20
    fields: {ids: {type: "i32[4]"}}
    batch: 2
  both: {mix: {one: 2, two: 1}, batch: 3}
  one: {jsonl: one.jsonl, fields: {v: {type: "i64[]"}}}
  two: {jsonl: two.jsonl, fields: {v: {type: "i64[]"}}}
model:
  inputs: {x: "f32[batch, 2]"}
  nodes: {scores: {Linear: x, out_features: 3}}
  outputs: [scores]
train:
  data: flowers.train
  loss: cross_entropy(scores, kind)
  optimizer: {SGD: {lr: 0.1}}
  epochs: 2
  eval: {data: flowers.test, every: epoch, metrics: {loss: loss}}
`

// flowersCSV has n rows. Some values are missing, some contain line feeds, and the numbers
// are beyond what a float64 has exactly.
func flowersCSV(n int) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"number", "kind", "remark", "length", "width", "weight"})
	for i := range n {
		row := []string{strconv.FormatInt(math.MaxInt64-int64(i), 10), []string{"rose", "tulip, \"wild\"", "東"}[i%3], "", fmt.Sprint(float32(i) / 8), fmt.Sprint(float32(i) * 0.1), "1e-300"}
		if i%7 == 3 {
			row[3], row[5] = "?", ""
		}
		if i%5 == 2 {
			row[2] = "two\nlines"
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.String()
}

// flowerFolder makes a folder of its own with the spec and its files, and a cache.
func flowerFolder(t *testing.T, rows int) {
	t.Helper()
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	tree(t, map[string]string{
		"spec.yaml": flowers, "flowers.csv": flowersCSV(rows), "notes.txt": "to be or not to be,\r\nthat is\tit",
		"one.jsonl": "{\"v\": 1}\n{\"v\": 2}\n{\"v\": 3}\n", "two.jsonl": "{\"v\": 10}\n{\"v\": 20}\n",
	})
}

func TestDataIsShownAsTablesThatFitTheScreen(t *testing.T) {
	folder, err := os.Getwd()
	require.NoError(t, err)
	flowerFolder(t, 24)
	var all strings.Builder
	entry := regexp.MustCompile(`[0-9a-f]{64}`)
	for _, args := range []string{"", "flowers.train", "flowers.test", "notes", "both", "noise"} {
		code, out, errors := flowrunWith(t, append([]string{"data", "spec.yaml"}, strings.Fields(args)...)...)
		require.Equal(t, exitDone, code, errors)
		fmt.Fprintf(&all, "$ flowrun data spec.yaml %s\n%s\n", args, entry.ReplaceAllString(strings.ReplaceAll(out, os.Getenv("FLOWRUN_CACHE"), "CACHE"), "KEY"))
		for _, line := range strings.Split(out, "\n") {
			if !strings.Contains(line, "prepared") {
				require.LessOrEqual(t, len([]rune(line)), 80, line)
			}
		}
	}
	t.Chdir(folder)
	goldentest.Equal(t, "testdata/data.txt", all.String())
}

func TestAPreparedTableIsMadeOnceAndThenFound(t *testing.T) {
	flowerFolder(t, 24)
	for _, want := range []string{"made now", "found"} {
		_, out, _ := flowrunWith(t, "data", "spec.yaml", "flowers")
		require.Contains(t, out, "prepared  "+want)
		_, path, ok := strings.Cut(out[strings.Index(out, "prepared"):], os.Getenv("FLOWRUN_CACHE"))
		require.True(t, ok)
		path, _, _ = strings.Cut(path, "\n")
		require.FileExists(t, os.Getenv("FLOWRUN_CACHE")+path)
	}
}

// described is what --json writes.
type described struct {
	Source      string
	Examples    int
	EpochSteps  int64  `json:"epoch_steps"`
	LearnedFrom string `json:"learned_from"`
	Fields      []struct {
		Name       string
		Mean, Std  []float64
		FillValues []float64 `json:"fill_values"`
		Classes    []struct {
			ID, Count int
			Class     string
		}
		Statistics []struct {
			Element        string
			Count, Missing int
			Min, Max       json.Number
			Mean, Std      float64
		}
	}
	Rows []struct {
		Example, Row int
		File         string
		Fields       map[string]struct {
			Value, Stored json.RawMessage
			ID            int
			Class         string
		}
	}
	Batches []struct {
		Epoch, Batch, Step int
		Examples           []struct {
			Example, Row int
			File, Source string
		}
	}
}

func dataOf(t *testing.T, args ...string) (d described) {
	t.Helper()
	code, out, errors := flowrunWith(t, append([]string{"data", "spec.yaml"}, args...)...)
	require.Equal(t, exitDone, code, errors)
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&d), out)
	return d
}

func TestTheValuesInJSONAreThoseOfTheCSV(t *testing.T) {
	const n = 40
	flowerFolder(t, n)
	d := dataOf(t, "flowers", "--json", "--rows", "1:")
	records, err := csv.NewReader(strings.NewReader(flowersCSV(n))).ReadAll()
	require.NoError(t, err)
	require.Len(t, d.Rows, n)
	require.Equal(t, "flowers.train", d.LearnedFrom)
	x := d.Fields[0]
	line, exact := 2, new(big.Int)
	ids := map[string]int{"rose": 0, "tulip, \"wild\"": 1, "東": 2}
	for i, row := range d.Rows {
		record := records[i+1]
		require.Equal(t, i+1, row.Example)
		require.Equal(t, line, row.Row, "the line where it begins")
		require.Equal(t, "flowers.csv", row.File)
		line += 1 + strings.Count(record[2], "\n")

		_, ok := exact.SetString(record[0], 10)
		require.True(t, ok)
		require.Equal(t, exact.String(), string(row.Fields["number"].Value))
		require.Equal(t, record[1], row.Fields["kind"].Class)
		require.Equal(t, ids[record[1]], row.Fields["kind"].ID)
		var value []float32
		var stored []*float32
		require.NoError(t, json.Unmarshal(row.Fields["x"].Value, &value))
		require.NoError(t, json.Unmarshal(row.Fields["x"].Stored, &stored))
		for k := range 2 {
			want := x.FillValues[k]
			if record[3+k] == "?" {
				require.Nil(t, stored[k])
			} else {
				f, err := strconv.ParseFloat(record[3+k], 32)
				require.NoError(t, err)
				require.Equal(t, float32(f), *stored[k])
				want = f
			}
			require.InEpsilon(t, 10+(want-x.Mean[k])/x.Std[k], 10+float64(value[k]), 1e-6)
		}
		var weight float64
		require.NoError(t, json.Unmarshal(row.Fields["weight"].Value, &weight))
		if record[5] == "" {
			require.Equal(t, 0.5, weight)
		} else {
			require.Equal(t, 1e-300, weight)
		}
	}
}

func TestStatisticsAndFactsAreThoseOfTheirParts(t *testing.T) {
	const n = 40
	flowerFolder(t, n)
	records, err := csv.NewReader(strings.NewReader(flowersCSV(n))).ReadAll()
	require.NoError(t, err)
	rowOf := map[int][]string{}
	line := 2
	for _, r := range records[1:] {
		rowOf[line] = r
		line += 1 + strings.Count(r[2], "\n")
	}
	var learned []float64
	for _, name := range []string{"flowers.train", "flowers.test"} {
		d := dataOf(t, name, "--json", "--rows", "1:")
		var values []float64
		counts := map[string]int{}
		for _, row := range d.Rows {
			r := rowOf[row.Row]
			counts[r[1]]++
			if v, err := strconv.ParseFloat(r[3], 32); err == nil {
				values = append(values, v)
			}
		}
		mean, squares := 0.0, 0.0
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range values {
			mean += v / float64(len(values))
			low, high = min(low, v), max(high, v)
		}
		for _, v := range values {
			squares += (v - mean) * (v - mean)
		}
		s := d.Fields[0].Statistics[0]
		require.Equal(t, "length", s.Element)
		require.Equal(t, len(values), s.Count)
		require.Equal(t, len(d.Rows)-len(values), s.Missing)
		require.InDelta(t, mean, s.Mean, 1e-9)
		require.InDelta(t, math.Sqrt(squares/float64(len(values))), s.Std, 1e-9)
		require.Equal(t, fmt.Sprint(low, high), s.Min.String()+" "+s.Max.String())
		for _, c := range d.Fields[1].Classes {
			require.Equal(t, counts[c.Class], c.Count)
		}
		if name == "flowers.train" {
			learned = d.Fields[0].Mean
			require.InDelta(t, mean, learned[0], 1e-9)
		}
		require.Equal(t, learned, d.Fields[0].Mean, "a test part has the training part's")
	}
}

// Three sums over a batch tell which examples are in it, and in which order.
func TestBatchesAreThoseThatATrainingReads(t *testing.T) {
	const n = 22
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	spec := `flowrun: 1
seed: 3
data:
  points: {csv: points.csv, fields: {v: {type: "f32[]"}}, batch: 4, shuffle: true, split: {parts: {train: 0.8, test: 0.2}}}
model:
  inputs: {v: "f32[batch]"}
  nodes: {h: {Linear: "reshape(v, [batch, 1])", out_features: 1}, at: "cast(arange(batch), 'f32')"}
  outputs: [h]
train:
  data: points.train
  loss: mean(h * h)
  optimizer: {SGD: {lr: 0.000001}}
  metrics: {sum: sum(v), squares: sum(v * v), placed: sum(v * at)}
  epochs: 3
`
	text := "v\n"
	for i := range n {
		text += fmt.Sprintln(i)
	}
	tree(t, map[string]string{"spec.yaml": spec, "points.csv": text})
	code, _, errors := flowrunWith(t, "run", "spec.yaml", "--log-every=1", "--log", "log.jsonl")
	require.Equal(t, exitDone, code, errors)
	log, err := os.ReadFile("log.jsonl")
	require.NoError(t, err)
	var records []map[string]any
	for _, line := range strings.Split(strings.TrimSpace(string(log)), "\n") {
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		records = append(records, r)
	}
	step := 0
	seen := map[string]bool{}
	for epoch := range 3 {
		d := dataOf(t, "points.train", "--json", "--rows", "1:", "--batches", "5", "--epoch", fmt.Sprint(epoch))
		require.Equal(t, int64(5), d.EpochSteps, "18 examples, four at a time")
		order := ""
		for b, batch := range d.Batches {
			sum, squares, placed := 0.0, 0.0, 0.0
			for at, e := range batch.Examples {
				v := float64(e.Row - 2)
				require.Equal(t, e.Row, d.Rows[e.Example-1].Row)
				require.Equal(t, fmt.Sprint(v), string(d.Rows[e.Example-1].Fields["v"].Value))
				sum, squares, placed = sum+v, squares+v*v, placed+v*float64(at)
				order += fmt.Sprint(" ", e.Row)
			}
			r := records[step]
			step++
			require.EqualValues(t, batch.Step, r["step"])
			require.Equal(t, []int{epoch, b + 1, step}, []int{batch.Epoch, batch.Batch, batch.Step})
			require.Equal(t, []any{sum, squares, placed}, []any{r["sum"], r["squares"], r["placed"]}, "step %d", step)
		}
		require.False(t, seen[order], "an epoch repeats another one's order")
		seen[order] = true
	}
	require.Len(t, records, step)
}

func TestBatchesOfAMixNameTheirSources(t *testing.T) {
	flowerFolder(t, 24)
	d := dataOf(t, "both", "--json", "--batches", "1")
	drawn := map[string]int{}
	for _, e := range d.Batches[0].Examples {
		drawn[e.Source]++
		require.Equal(t, e.Source+".jsonl", e.File)
		require.Equal(t, e.Example, e.Row)
	}
	require.Equal(t, map[string]int{"one": 2, "two": 1}, drawn)
}

func TestRequestsForDataThatIsNotThereAreRefused(t *testing.T) {
	flowerFolder(t, 24)
	for args, want := range map[string]string{
		"flowers --rows 1:2":                               "--rows and --batches are for --json",
		"--json --rows 1:2":                                "need a data source",
		"flowers --json --rows 0:2":                        "two numbers from 1",
		"flowers --json --rows 3:2":                        "two numbers from 1",
		"flowers --json --rows 3":                          "two numbers from 1",
		"flowers --json --rows 24:25":                      "has 24 examples, not those from 24 to 25",
		"flowers --json --rows 25:":                        "has 24 examples, not those from 25",
		"flowers --json --rows 1:99999999999999999999":     "two numbers from 1",
		"flowers --json --batches 0":                       "at least 1",
		"flowers --json --batches 7":                       "an epoch of flowers has 6, not 7",
		"flowers --json --batches 1 --epoch -1":            "counts from 0",
		"flowers --json --batches 1 --epoch 9223372036854": "",
		"flowers --json --epoch 1":                         "--batches",
		"one --json --batches 1":                           "no batches of its own",
		"both --json --rows 1:1":                           "is a mix",
		"flower --json":                                    `did you mean "flowers"?`,
		"flowers.tset":                                     `did you mean "flowers.test"?`,
		"flowers --check --json":                           "can't be combined",
		"flowers --format json":                            "is for --check",
		"flowers --check --format yaml":                    "--format is one of",
		"a b":                                              "got 3 arguments",
	} {
		code, _, errors := flowrunWith(t, append([]string{"data", "spec.yaml"}, strings.Fields(args)...)...)
		if want == "" {
			require.Equal(t, exitDone, code, "%s: %s", args, errors)
			continue
		}
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, errors, want, args)
	}
	for _, args := range []string{"flowers --json --rows 24:24", "flowers --json --batches 6", "noise --json", "--json"} {
		code, out, errors := flowrunWith(t, append([]string{"data", "spec.yaml"}, strings.Fields(args)...)...)
		require.Equal(t, exitDone, code, errors)
		require.True(t, json.Valid([]byte(out)), out)
	}
}

func TestNumbersInJSONKeepTheirBits(t *testing.T) {
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	values := []string{"-0", "1e-45", "3.4028235e38", "0.1", "16777217", "-7"}
	tree(t, map[string]string{
		"spec.yaml": checkSpec("    csv: d.csv\n    fields:\n      v: {type: \"f32[]\"}\n    batch: 2\n"),
		"d.csv":     "v\n" + strings.Join(values, "\n") + "\n",
	})
	d := dataOf(t, "d", "--json", "--rows", "1:")
	for i, text := range values {
		want, err := strconv.ParseFloat(text, 32)
		require.NoError(t, err)
		got, err := strconv.ParseFloat(string(d.Rows[i].Fields["v"].Value), 32)
		require.NoError(t, err)
		require.Equal(t, math.Float32bits(float32(want)), math.Float32bits(float32(got)), text)
	}
	require.Equal(t, "-0.0", string(d.Rows[0].Fields["v"].Value), "-0 would be read as an integer")
}

// The examples are written as they are read: many need no more memory than few.
func TestManyExamplesAreWrittenInLittleMemory(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector needs memory of its own")
	}
	t.Setenv("FLOWRUN_CACHE", t.TempDir())
	const n, width = 60_000, 64
	b := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 2}, n)
	b = binary.BigEndian.AppendUint32(b, width)
	b = append(b, bytes.Repeat([]byte{200}, n*width)...)
	tree(t, map[string]string{
		"spec.yaml": checkSpec("    idx: {x: d.idx}\n    fields:\n      x: {type: \"u8[64]\"}\n    batch: 2\n"), "d.idx": string(b),
	})
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	written, most := 0, uint64(0)
	out := writerFunc(func(p []byte) (int, error) {
		if written += len(p); written/(4<<20) > (written-len(p))/(4<<20) {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, during.HeapAlloc)
		}
		return len(p), nil
	})
	var errors bytes.Buffer
	code := execute(context.Background(), []string{"data", "spec.yaml", "d", "--json", "--rows", "1:"}, streams{strings.NewReader(""), out, &errors})
	require.Equal(t, exitDone, code, errors.String())
	require.Greater(t, written, n*width*3)
	require.Less(t, most-before.HeapAlloc, uint64(12<<20))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
