package runs

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/files"
)

// runFolder makes a folder of files by their names.
func runFolder(t testing.TB, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func looked(t testing.TB, content map[string]string) *Run {
	t.Helper()
	r, err := Look(runFolder(t, content))
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

const (
	someInfo    = `{"flowrun":"v1","spec":"a.yaml","name":"a","vars":{"lr":0.1,"n":9007199254740993},"seed":7,"device":"cpu","started":"2026-12-01T05:00:00Z","log_every":10,"metrics":["loss"]}`
	someSummary = `{"spec":"a.yaml","name":"a","vars":{},"seed":7,"steps":20,"step":20,"stopped":%q,"seconds":1.5,"metrics":{"loss":0.25},"best":{"metric":"loss","mode":"min","value":0.2,"step":10},"device":"cpu"}`
)

func TestARunsStateFollowsFromItsFiles(t *testing.T) {
	whole := func(stopped string) map[string]string {
		return map[string]string{InfoFile: someInfo, SpecFile: "flowrun: 1\n", MetricsFile: "", SummaryFile: fmt.Sprintf(someSummary, stopped)}
	}
	for stopped, want := range map[string]State{"until": StateDone, "max_steps": StateDone, "early_stop": StateDone,
		"interrupted": StateInterrupted, "nonfinite": StateDiverged, "failed": StateFailed} {
		r := looked(t, whole(stopped))
		require.Equal(t, want, r.State, stopped)
		require.Empty(t, r.Problems)
		require.Equal(t, 0.2, r.Summary.Best.Value)
		require.Equal(t, json.Number("9007199254740993"), r.Info.Vars["n"])
	}
	r := looked(t, map[string]string{InfoFile: someInfo, SpecFile: "", "checkpoints/step-000000009.safetensors": "", "checkpoints/step-000000010.safetensors": "",
		"checkpoints/best.safetensors": "", "checkpoints/.flowrun-x": "", "weights.safetensors": ""})
	require.Equal(t, StateCrashed, r.State)
	require.Equal(t, r.Dir+"/checkpoints/step-000000010.safetensors", r.Newest)
	require.Equal(t, r.Dir+"/checkpoints/best.safetensors", r.Best)
	require.Equal(t, r.Dir+"/weights.safetensors", r.Weights)
}

func TestARunThatIsActiveIsRunning(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("locks of one process don't exclude each other there")
	}
	dir := runFolder(t, map[string]string{InfoFile: someInfo, SpecFile: ""})
	f, err := files.OpenFolder(dir, nil)
	require.NoError(t, err)
	require.NoError(t, f.Lock())
	r, err := Look(dir)
	require.NoError(t, err)
	require.Equal(t, StateRunning, r.State)
	require.Equal(t, os.Getpid(), r.PID)
	require.NoError(t, r.Close())
	require.NoError(t, f.Close())

	require.NoError(t, os.WriteFile(filepath.Join(dir, ".lock"), []byte("1\n"), 0o644))
	r, err = Look(dir)
	require.NoError(t, err)
	require.Equal(t, StateCrashed, r.State, "whoever had the lock is gone")
	require.NoError(t, r.Close())
}

func TestWhatIsDamagedIsNamedAndTheRestIsRead(t *testing.T) {
	for _, c := range []struct {
		files    map[string]string
		state    State
		problems []string
	}{
		{map[string]string{InfoFile: `{"flowrun":`}, StateDamaged, []string{"run.json can't be read: unexpected EOF", "spec.yaml is missing"}},
		{map[string]string{InfoFile: someInfo + someInfo, SpecFile: ""}, StateDamaged, []string{"run.json can't be read: more follows"}},
		{map[string]string{InfoFile: `[]`, SpecFile: ""}, StateDamaged, []string{"run.json can't be read: json: cannot unmarshal array"}},
		{map[string]string{InfoFile: strings.Repeat(" ", maxSmall+1), SpecFile: ""}, StateDamaged, []string{"run.json: it is larger than 4.0 MiB"}},
		{map[string]string{MetricsFile: "{}\n", SpecFile: ""}, StateDamaged, []string{"run.json is missing"}},
		{map[string]string{InfoFile: someInfo, SpecFile: "", SummaryFile: ""}, StateDamaged, []string{"summary.json can't be read: EOF"}},
		{map[string]string{SummaryFile: fmt.Sprintf(someSummary, "until"), SpecFile: ""}, StateDone, []string{"run.json is missing"}},
		{map[string]string{InfoFile: someInfo, "spec.yaml/x": ""}, StateCrashed, []string{"spec.yaml: not a regular file but a folder"}},
	} {
		r := looked(t, c.files)
		require.Equal(t, c.state, r.State, "%v", c.problems)
		require.Len(t, r.Problems, len(c.problems), "%q", r.Problems)
		for i, want := range c.problems {
			require.Contains(t, r.Problems[i], want)
		}
	}
}

func TestRunsAreFoundInFoldersOfFolders(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"sweep/a", "sweep/b", "one", ".hidden/c", "1/2/3/4/deep", "1/2/3/4/5/deeper"} {
		require.NoError(t, os.MkdirAll(filepath.Join(top, name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(top, name, InfoFile), []byte(someInfo), 0o644))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(top, "empty"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(top, "file"), nil, 0o644))
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Symlink("one", filepath.Join(top, "latest")))
		require.NoError(t, os.Symlink("..", filepath.Join(top, "sweep", "up")))
	}
	found, skipped := Find([]string{top, filepath.Join(top, "one"), filepath.Join(top, "empty"), filepath.Join(top, "file"), filepath.Join(top, "gone")})
	var names []string
	for _, r := range found {
		name, err := filepath.Rel(top, r.Dir)
		require.NoError(t, err)
		names = append(names, filepath.ToSlash(name))
		require.NoError(t, r.Close())
	}
	require.Equal(t, []string{"one", "sweep/a", "sweep/b"}, names)
	var whys []string
	for _, s := range skipped {
		name, err := filepath.Rel(top, s.Path)
		require.NoError(t, err)
		whys = append(whys, filepath.ToSlash(name)+": "+s.Why)
	}
	require.Len(t, whys, 4, whys)
	require.Equal(t, []string{"1: no run is in it", "empty: no run is in it"}, whys[:2])
	require.Contains(t, whys[2], "is no folder")
	require.Contains(t, whys[3], "no such file")
}

func TestSeriesAreTheMetricsOfEachLine(t *testing.T) {
	r := looked(t, map[string]string{InfoFile: someInfo, MetricsFile: `{"step":1,"loss":0.5,"eval.loss":null,"m":[[1,2],[3,"]"]],"loss_step":-5e-1}
{"step":2,"loss":null,"a\"b":true,"loss_step":1e999}
not a line
{"step":"x","loss":1}

{ "loss" : 0.25 , "step" : 3 , "o" : {"loss":9} }
{"step":4,"loss":0.1`})
	all := r.Series()
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"loss", "eval.loss", "loss_step"}, names)
	loss := all[0]
	require.EqualValues(t, 3, loss.Count)
	require.EqualValues(t, 1, loss.NonFinite)
	require.Equal(t, Point{3, 0.25}, loss.Min)
	require.Equal(t, Point{1, 0.5}, loss.Max)
	require.Equal(t, Point{3, 0.25}, loss.Last)
	points := loss.Points()
	require.Len(t, points, 3)
	require.True(t, math.IsNaN(points[1].Value))
	require.True(t, math.IsNaN(all[1].Min.Value), "null alone")
	require.EqualValues(t, 1, all[2].NonFinite, "beyond what a float holds")
	require.Equal(t, []string{"metrics.jsonl: 2 lines can't be read, line 3 first: it is no JSON object of numbers"}, r.Problems[1:])
	require.Equal(t, map[string]float64{"loss": 0.25, "step": 3}, r.Last())
	require.Len(t, r.Series("loss_step", "gone"), 1)
}

// What encoding/json makes of the same line is the measure.
func TestLinesAreReadAsJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{`{`, `}`, `[`, `]`, `"a"`, `"s\"t"`, `:`, `,`, `1`, `-2.5e3`, ` `, `null`, `true`, `"step"`}
	valid := 0
	for range 200_000 {
		line := `{"step":1`
		for range random.IntN(6) {
			line += alphabet[random.IntN(len(alphabet))]
		}
		line += `}`
		var want map[string]any
		if json.Unmarshal([]byte(line), &want) != nil {
			_ = pairs([]byte(line), func([]byte, float64) {}) // it must end, whatever it says
			continue
		}
		valid++
		got := map[string]float64{}
		require.NoError(t, pairs([]byte(line), func(key []byte, v float64) { got[keyName(key)] = v }), line)
		for name, v := range want {
			switch v := v.(type) {
			case float64:
				require.Equal(t, v, got[name], line)
			case nil:
				require.True(t, math.IsNaN(got[name]), line)
			}
		}
	}
	require.Greater(t, valid, 1000)
}

func TestManyPointsAreThinnedWithoutLosingExtremes(t *testing.T) {
	s := newSeries("x")
	const n = 300_000
	for i := range n {
		v := math.Sin(float64(i) / 1000)
		switch i {
		case 77_777:
			v = 9
		case 200_001:
			v = -9
		}
		s.add(Point{float64(i), v})
	}
	points := s.Points()
	require.LessOrEqual(t, len(points), 4*maxBuckets)
	require.Greater(t, len(points), maxBuckets/2)
	low, high := math.Inf(1), math.Inf(-1)
	for i, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
		require.True(t, i == 0 || points[i-1].Step <= p.Step, "in order")
	}
	require.Equal(t, []float64{-9, 9}, []float64{low, high})
	require.Equal(t, Point{0, 0}, points[0])
	require.EqualValues(t, n-1, points[len(points)-1].Step)
	require.Equal(t, Point{77_777, 9}, s.Max)
}

func TestPointsOfARunThatWentOnFromEarlierAreInOrder(t *testing.T) {
	s := newSeries("x")
	for _, step := range []float64{1, 2, 5, 6, 3, 4, 7, 1e15, -3} {
		s.add(Point{step, step})
	}
	var steps []float64
	for _, p := range s.Points() {
		steps = append(steps, p.Step)
	}
	require.Equal(t, []float64{-3, 1, 2, 3, 4, 5, 6, 7, 1e15}, steps)
}

func TestALongFileTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 30 MB")
	}
	dir := runFolder(t, map[string]string{InfoFile: someInfo})
	f, err := os.Create(filepath.Join(dir, MetricsFile))
	require.NoError(t, err)
	line := []byte{}
	for i := range 400_000 {
		line = fmt.Appendf(line[:0], `{"step":%d,"loss":%v,"accuracy":0.5,"loss_step":1.25}`+"\n", i+1, 1/float64(i+1))
		_, err = f.Write(line)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	r, err := Look(dir)
	require.NoError(t, err)
	defer r.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	all := r.Series()
	t.Logf("%v for 400,000 lines", time.Since(begun))
	runtime.ReadMemStats(&after)
	require.Len(t, all, 3)
	require.EqualValues(t, 400_000, all[0].Count)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "bytes allocated in all")
}
