package spec_test

import (
	"github.com/flowrun/flowrun/data/table"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

const mathNet = "../graphs/math_net.yaml"

// parse reads a spec that must be valid.
func parse(t testing.TB, text string, o spec.Options) *spec.Program {
	t.Helper()
	p, list := spec.Parse("test.yaml", []byte(text), o)
	require.NotNil(t, p, list.Text())
	verify(t, p)
	return p
}

func verify(t testing.TB, p *spec.Program) {
	t.Helper()
	for _, g := range p.Graphs() {
		require.NoError(t, ir.Verify(g, true))
	}
}

func stateNames(g *ir.Graph) []string {
	var names []string
	for _, s := range g.States {
		names = append(names, s.Name)
	}
	return names
}

func node1(g *ir.Graph, name string) *ir.Node {
	for _, n := range g.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

func TestMathNetBecomesAProgram(t *testing.T) {
	p, list := spec.Load(mathNet, spec.Options{})
	require.Empty(t, list.Items, list.Text())
	verify(t, p)
	require.Equal(t, "math_net", p.Name)
	require.Equal(t, int64(7), p.Seed)
	require.Equal(t, ir.Loop{Metrics: []string{"loss", "accuracy"}, Until: true, MaxSteps: 200_000, LogEvery: 1000, OnNonFinite: ir.StopOnNonFinite,
		Goals: []ir.Goal{{Metric: "step", Value: 1000, Above: true}, {Metric: "accuracy", Value: float64(float32(0.995)), Above: true}}}, p.Loop)
	require.Equal(t, ir.Placement{Default: "auto"}, p.Placement)
	require.Empty(t, p.DataSources)
	require.Equal(t, []string{
		"step", "h1.weight", "h2.weight", "sum_bits.weight", "metrics.loss_step", "step.nonfinite",
		"metrics.loss.total", "metrics.loss.weight", "metrics.loss",
		"metrics.accuracy.total", "metrics.accuracy.weight", "metrics.accuracy", "stopped",
	}, stateNames(p.Train))
	for _, s := range p.Train.States {
		require.NotNil(t, s.Next, s.Name)
	}
	require.Equal(t, []string{"x", "h1.weight", "h2.weight", "sum_bits.weight"}, stateNames(p.Infer))
	for _, s := range p.Infer.States {
		require.Nil(t, s.Next, s.Name)
	}
	var first []string
	for _, o := range p.Init.Outputs {
		first = append(first, o.Name)
		require.Equal(t, p.Train.State(o.Name).Type, o.Node.Type, o.Name)
	}
	require.ElementsMatch(t, stateNames(p.Train), first)
	require.Equal(t, "f32[16, 8]", p.Train.State("h1.weight").Type.String())
	require.Equal(t, ir.ParamState, p.Train.State("h1.weight").Kind)
	for _, name := range []string{"a", "b", "x", "target", "h1", "a1", "h2", "a2", "sum_bits", "loss", "until"} {
		require.NotNil(t, node1(p.Train, name), name)
	}
	require.Equal(t, 23, node1(p.Train, "h1").Origin.Start.Line)
	require.Equal(t, []ir.Output{{Name: "sum_bits", Node: node1(p.Train, "sum_bits")}}, p.Train.Outputs)
}

func TestEverySpecInGraphsIsValid(t *testing.T) {
	files, err := filepath.Glob("../graphs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		p, list := spec.Load(file, spec.Options{AllowRead: dataOfGraphs})
		require.Empty(t, list.Items, list.Text())
		verify(t, p)
	}
}

// dataOfGraphs are the folders outside that specs of graphs/ name files in.
var dataOfGraphs = []string{"/usr/share/datasets/fashion-mnist", "/usr/local/go"}

func TestTheSeedKeysRandomNumbers(t *testing.T) {
	key := func(seed int64, name string) any {
		p, list := spec.Load(mathNet, spec.Options{Seed: &seed})
		require.NotNil(t, p, list.Text())
		require.Equal(t, seed, p.Seed)
		return node1(p.Train, name).Attr("key")
	}
	require.Equal(t, key(1, "a"), key(1, "a"))
	require.NotEqual(t, key(1, "a"), key(2, "a"))
	require.NotEqual(t, key(1, "a"), key(1, "b"))
	require.Equal(t, ir.RandomKey(1, "a"), key(1, "a"))
}

func TestRandomCallsInOneNodeDrawDifferentNumbers(t *testing.T) {
	p := parse(t, node("uniform(0, 1, [2]) + uniform(0, 1, [2])"), spec.Options{})
	var keys []any
	for _, n := range p.Infer.Nodes {
		if n.Op.Random {
			keys = append(keys, n.Attr("key"))
		}
	}
	require.Equal(t, []any{ir.RandomKey(0, "y"), ir.RandomKey(0, "y_2")}, keys)
}

func TestSetOverridesVars(t *testing.T) {
	p, list := spec.Load(mathNet, spec.Options{Set: []spec.Setting{{Key: "hidden", Value: "3"}, {Key: "lr", Value: "1"}}})
	require.NotNil(t, p, list.Text())
	require.Equal(t, "f32[3, 8]", p.Train.State("h1.weight").Type.String())

	for _, c := range []struct {
		key, value string
		rule       diag.Rule
		help       string
	}{
		{"hiden", "3", diag.UnknownVar, `did you mean "hidden"?`},
		{"hidden", "wide", diag.WrongType, ""},
		{"hidden", "[1", diag.YAMLSyntax, ""},
		{"hidden", "2.5", diag.InvalidArgument, ""},
	} {
		p, list := spec.Load(mathNet, spec.Options{Set: []spec.Setting{{Key: c.key, Value: c.value}}})
		require.Nil(t, p)
		require.Equal(t, c.rule, list.Items[0].Rule, list.Text())
		require.Equal(t, c.help, list.Items[0].Help)
		if c.rule != diag.InvalidArgument {
			require.Equal(t, "--set "+c.key, list.Items[0].Range.File)
		}
	}
}

func TestDeclaredVarsCheckWhatIsSet(t *testing.T) {
	text := "flowrun: 1\nvars: {n: {value: 2, type: int, min: 1, max: 4}}\nmodel:\n  nodes: {y: \"ones([n])\"}\n  outputs: [y]\n"
	parse(t, text, spec.Options{Set: []spec.Setting{{Key: "n", Value: "4"}}})
	_, list := spec.Parse("test.yaml", []byte(text), spec.Options{Set: []spec.Setting{{Key: "n", Value: "5"}}})
	require.Equal(t, diag.InvalidValue, list.Items[0].Rule)
	require.Equal(t, "--set n:1:1", list.Items[0].Range.String())
}

func TestAMissingFileIsADiagnostic(t *testing.T) {
	_, list := spec.Load("nowhere.yaml", spec.Options{})
	require.Equal(t, "nowhere.yaml: error[unreadable]: no such file or directory\n", list.Text())
	_, list = spec.Load(t.TempDir(), spec.Options{})
	require.Equal(t, diag.Unreadable, list.Items[0].Rule)
}

const recorded = `
flowrun: 1
data:
  recorded:
    replay: FILE
    fields:
      x: {tensor: batches/x, type: "f32[2, 8]"}
      target: {tensor: batches/target, type: "f32[2, 5]"}
model:
  inputs: {x: "f32[batch, 8]"}
  nodes:
    y: {Linear: x, out_features: 5}
  outputs: [y]
train:
  data: recorded
  loss: mse_loss(y, target)
  optimizer: {SGD: {lr: 0.1}}
  max_steps: 3
`

func TestAReplayIsIndexedByTheStepCounter(t *testing.T) {
	p, list := spec.Parse("folder/test.yaml", []byte(strings.Replace(recorded, "FILE", "data/a.safetensors", 1)), spec.Options{})
	require.NotNil(t, p, list.Text())
	f32 := func(shape ...int) ir.Type { return ir.Type{DType: ir.F32, Shape: shape} }
	d, part := p.Source("recorded")
	require.Equal(t, []*table.Decl{d}, p.DataSources)
	require.Equal(t, []string{"recorded", "recorded", ""}, []string{p.TrainData, d.Name, part})
	require.Equal(t, "replay", d.Kind)
	require.Equal(t, []string{"data/a.safetensors", filepath.FromSlash("folder/data/a.safetensors")}, []string{d.Files[0].Name, d.Files[0].Path})
	require.Equal(t, "5:13", d.At.Start.String())
	for i, want := range []struct {
		name, tensor string
		typ          ir.Type
	}{{"x", "batches/x", f32(2, 8)}, {"target", "batches/target", f32(2, 5)}} {
		f := d.Fields[i]
		require.Equal(t, want, struct {
			name, tensor string
			typ          ir.Type
		}{f.Name, f.Options.Text("tensor"), f.Type})
	}
	x := node1(p.Train, "x")
	require.Equal(t, "source", x.Op.Name)
	require.Equal(t, p.Train.State(ir.StepState).Read, x.Inputs[0])
	// The symbolic batch was bound by the data, for evaluation too.
	require.Equal(t, f32(2, 8), p.Infer.State("x").Type)
}

func TestFilesOutsideTheSpecsFolderNeedPermission(t *testing.T) {
	dir := t.TempDir()
	read := func(file string, allowed ...string) (*spec.Program, diag.List) {
		return spec.Parse(filepath.Join(dir, "specs", "test.yaml"), []byte(strings.Replace(recorded, "FILE", file, 1)),
			spec.Options{AllowRead: allowed})
	}
	for _, file := range []string{"../data/a.safetensors", dir + "/data/a.safetensors", "x/../../data/a.safetensors"} {
		_, list := read(file)
		require.Equal(t, diag.PathOutside, list.Items[0].Rule, file)
		require.Contains(t, list.Items[0].Help, "--allow-read")
		p, list := read(file, filepath.Join(dir, "data"))
		require.NotNil(t, p, list.Text())
		require.Equal(t, filepath.Join(dir, "data", "a.safetensors"), filepath.Clean(p.DataSources[0].Files[0].Path))
		_, list = read(file, filepath.Join(dir, "dat"))
		require.True(t, list.HasErrors())
	}
	p, _ := read("x/../a.safetensors")
	require.NotNil(t, p, "a path that stays inside is fine")
}

func TestPlacementReachesNodesAndStates(t *testing.T) {
	p := parse(t, `
flowrun: 1
model:
  inputs: {x: "f32[1, 8]"}
  nodes:
    h1: {Linear: x, out_features: 8, device: cpu}
    h2: {Linear: h1, out_features: 8}
    y: silu(h2 + h1)
  outputs: [y]
placement:
  default: "cuda:0"
  rules:
    - {match: "*.weight", prefer: cpu}
    - {match: "h*", device: "opencl:0"}
    - {match: "y", device: metal}
`, spec.Options{})
	require.Equal(t, "cuda:0", p.Placement.Default)
	require.Len(t, p.Placement.Rules, 3)
	require.Equal(t, "cpu", node1(p.Infer, "h1").Device, "a node's own device is above the rules")
	require.Equal(t, "cpu", p.Infer.State("h1.weight").Device)
	require.Empty(t, node1(p.Infer, "h2").Device, "lowering applies the rules")
	require.Contains(t, p.Infer.Around(node1(p.Infer, "h2").Path), "h2")
	y := node1(p.Infer, "y")
	require.Equal(t, "y", y.Inputs[0].Path, "a rule covers all operations of a node")
}

// M3 asks for 2,000 validations per second and core; this is the benchmark.
func BenchmarkValidateMathNet(b *testing.B) {
	src, err := os.ReadFile(mathNet)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if p, _ := spec.Parse(mathNet, src, spec.Options{}); p == nil {
			b.Fatal("not valid")
		}
	}
}

func TestSpecsAreReadConcurrently(t *testing.T) {
	src, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	valid := make(chan bool)
	for range 4 {
		go func() {
			p, _ := spec.Parse(mathNet, src, spec.Options{})
			valid <- p != nil
		}()
	}
	for range 4 {
		require.True(t, <-valid)
	}
}
