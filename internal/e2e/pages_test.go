package e2e_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// page is a page of docs that explains how to add something.
type page struct {
	root, text string
	dir        string            // for the files that it creates
	overlay    map[string]string // replacements of the project's files
}

func openPage(t *testing.T, name string) *page {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	require.NoError(t, err)
	return &page{root: root, text: string(text), dir: t.TempDir(), overlay: map[string]string{}}
}

// block returns the page's first code block after some words.
func (p *page) block(t *testing.T, words string) string {
	t.Helper()
	_, rest, found := strings.Cut(p.text, words)
	require.True(t, found, words)
	m := regexp.MustCompile("(?s)```[a-z]*\n(.*?)```").FindStringSubmatch(rest)
	require.NotNil(t, m, words)
	return m[1]
}

// put replaces a file of the project, through go's -overlay.
func (p *page) put(t *testing.T, file, text string) {
	t.Helper()
	stand := filepath.Join(p.dir, strings.ReplaceAll(file, "/", "_"))
	require.NoError(t, os.WriteFile(stand, []byte(text), 0o600))
	p.overlay[filepath.Join(p.root, file)] = stand
}

// insert inserts text into a file of the project, after a line.
func (p *page) insert(t *testing.T, file, line, text string) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(p.root, file))
	require.NoError(t, err)
	old := string(src)
	if stand := p.overlay[filepath.Join(p.root, file)]; stand != "" {
		src, err := os.ReadFile(stand)
		require.NoError(t, err)
		old = string(src)
	}
	require.Equal(t, 1, strings.Count(old, line), "%s: %s", file, line)
	p.put(t, file, strings.Replace(old, line, line+text, 1))
}

// build builds flowrun with the page's additions.
func (p *page) build(t *testing.T) (flowrun string) {
	t.Helper()
	description, err := json.Marshal(map[string]any{"Replace": p.overlay})
	require.NoError(t, err)
	overlay := filepath.Join(p.dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, description, 0o600))
	flowrun = filepath.Join(p.dir, "flowrun")
	c := exec.Command("go", "build", "-overlay", overlay, "-o", flowrun, "./cmd/flowrun")
	c.Dir, c.Env = p.root, append(os.Environ(), "GOFLAGS=")
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	return flowrun
}

func TestThePageToAddADataSourceWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds flowrun; -short leaves it out")
	}
	t.Parallel()
	p := openPage(t, "add-a-data-source.md")
	p.put(t, "data/fixed/fixed.go", p.block(t, "`data/fixed/fixed.go`:"))
	p.insert(t, "data/kinds.go", "import (\n", "\t\"github.com/flowrun/flowrun/data/fixed\"\n")
	p.insert(t, "data/kinds.go", "var Kinds = []table.Kind{\n", p.block(t, "add to `Kinds`:"))
	flowrun := p.build(t)

	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	spec := write("spec.yaml", p.block(t, "Then run a spec:"))
	var content []byte
	for _, x := range []float32{1, 2, 0.5, -3, 0} {
		content = binary.LittleEndian.AppendUint32(content, math.Float32bits(x))
		content = binary.LittleEndian.AppendUint32(content, math.Float32bits(2*x))
	}
	write("points.bin", string(content))
	run := func(args ...string) (string, error) {
		out, err := exec.Command(flowrun, args...).CombinedOutput()
		return string(out), err
	}
	out, err := run("validate", "--data", spec)
	require.NoError(t, err, out)
	log := filepath.Join(folder, "log.jsonl")
	out, err = run("run", "--log-every", "1", "--log", log, spec)
	require.NoError(t, err, out)
	written, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(written), `"error":0`), string(written))

	write("points.bin", string(content[:12]))
	out, err = run("validate", "--data", spec)
	require.Error(t, err)
	require.Contains(t, out, "its 12 bytes are no multiple of a record's 8")

	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	for old, refused := range map[string]string{
		"offset: 4": "the field target has bytes 6 to 9, but a record has 8", "bytes: 8": "bytes must be at least 1, got 0", "batch: 2": "`header` is a key of csv",
	} {
		fault := map[string]string{"offset: 4": "offset: 6", "bytes: 8": "bytes: 0", "batch: 2": "header: true\n    batch: 2"}[old]
		write("spec.yaml", strings.Replace(string(text), old, fault, 1))
		out, err = run("validate", spec)
		require.Error(t, err)
		require.Contains(t, out, refused)
	}
	out, err = run("schema")
	require.NoError(t, err, out)
	require.Contains(t, out, "The size of a record", "the schema has the kind's keys")
}

func TestThePageToAddATrainKeyWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds flowrun; -short leaves it out")
	}
	t.Parallel()
	p := openPage(t, "add-a-train-key.md")
	p.insert(t, "ir/train.go", "type Loop struct {\n", p.block(t, "## 1."))
	p.insert(t, "spec/syntax/train.go", "\tdecode func(d *decoder, n *tree.Node, t *Train)\n}{\n", p.block(t, "## 2."))
	p.insert(t, "session.go", "Run(ctx context.Context, options ...RunOption) (Summary, error) {\n\tif err := s.ready(); err != nil {\n\t\treturn Summary{}, err\n\t}\n", p.block(t, "## 3."))
	p.insert(t, "session.go", "import (\n", "\t\"time\"\n")
	flowrun := p.build(t)

	src, err := os.ReadFile("../../graphs/math_net.yaml")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "spec.yaml")
	for minutes, says := range map[string]string{"5": "step 3", "0": "max_minutes must be at least 1, got 0"} {
		text := strings.Replace(string(src), "\ntrain:\n", "\ntrain:\n  max_minutes: "+minutes+"\n", 1)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		out, err := exec.Command(flowrun, "run", "--max-steps", "3", file).CombinedOutput()
		require.Equal(t, minutes == "5", err == nil, string(out))
		require.Contains(t, string(out), says)
	}
}

func TestThePageToAddALintRuleWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds flowrun; -short leaves it out")
	}
	t.Parallel()
	p := openPage(t, "add-a-lint-rule.md")
	p.insert(t, "diag/rules.go", "// Lint rules that are only warnings.\nvar (\n", p.block(t, "## 1."))
	m := regexp.MustCompile("(?s)````markdown\n(.*?)````").FindStringSubmatch(p.text)
	require.NotNil(t, m)
	p.put(t, "docs/rules/lowercase-module.md", m[1])
	p.insert(t, "spec/check/check.go", "\t\tunused.module(m, s)\n", p.block(t, "## 3."))
	flowrun := p.build(t)

	out, err := exec.Command(flowrun, "rules", "lowercase-module").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, m[1], string(out))
	for _, text := range example.FindAllStringSubmatch(m[1], -1) {
		c := exec.Command(flowrun, "validate", "--strict", "-")
		c.Stdin = strings.NewReader(text[3])
		out, err := c.CombinedOutput()
		require.Equal(t, text[1] == "right", err == nil, string(out))
		require.Equal(t, text[1] == "wrong", strings.Contains(string(out), "warning[lowercase-module]"), string(out))
		require.NotContains(t, string(out), "error[", string(out))
	}
}

func TestThePageToAddADeviceWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds flowrun; -short leaves it out")
	}
	t.Parallel()
	p := openPage(t, "add-a-device.md")
	p.put(t, "device/mirror/mirror.go", p.block(t, "`device/mirror/mirror.go`:"))
	p.put(t, "device/mirror/mirror_test.go", p.block(t, "`device/mirror/mirror_test.go`:"))
	p.insert(t, "device/registry/registry.go", "import (\n", "\t\"github.com/flowrun/flowrun/device/mirror\"\n")
	p.insert(t, "device/registry/registry.go", "var drivers = []Driver{\n", p.block(t, "add to `drivers`:"))
	p.insert(t, "spec/syntax/placement.go", "var DeviceKinds = []string{", strings.TrimSpace(p.block(t, "add to `DeviceKinds`:")))
	flowrun := p.build(t)
	tests := filepath.Join(p.dir, "mirror.test") // go test has no folder to run them in
	p.run(t, "go", "test", "-overlay", filepath.Join(p.dir, "overlay.json"), "-vet=off", "-c", "-o", tests, "./device/mirror")
	p.run(t, tests)
	p.run(t, "go", "test", "-overlay", filepath.Join(p.dir, "overlay.json"), "-vet=off", "-run", "KindsOfTheTable|MatchTheirRow", "./device/registry")

	command := strings.Fields(p.block(t, "Then run a spec on the device:"))
	require.Equal(t, "flowrun", command[0])
	p.run(t, flowrun, command[1:]...)
	require.Contains(t, p.run(t, flowrun, "devices"), "mirror:1  memory of its own")
	require.Contains(t, p.run(t, flowrun, "explain", "graphs/math_net.yaml", "--device", "mirror:1"), "mirror:1")
}

// run runs a program in the project's folder, and returns its output.
func (p *page) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir, c.Env = p.root, append(os.Environ(), "GOFLAGS=")
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}
