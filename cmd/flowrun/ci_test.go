package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v4"
)

// action is what a composite action's definition says.
type action struct {
	Name, Description string
	Inputs            map[string]struct{ Description, Default string }
	Runs              struct {
		Using string
		Steps []struct {
			Name, Uses, Shell, Run string
			Env, With              map[string]string
		}
	}
}

func read(t *testing.T, path string, to any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, to))
}

// repository is the repository's folder; tests change to others.
var repository, _ = filepath.Abs("../..")

func definition(t *testing.T) (a action) {
	read(t, filepath.Join(repository, "action.yml"), &a)
	return a
}

// runnerTemp is where the action has built flowrun, once for all tests.
var runnerTemp = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "flowrun-action-") })

// asProgram makes the test's binary the program itself.
const asProgram = "FLOWRUN_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	code := m.Run()
	if dir, err := runnerTemp(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

var expression = regexp.MustCompile(`\$\{\{ *([a-z_.]+) *\}\}`)

// act runs the action's own scripts as GitHub's runner does, in the current
// folder, and gives the last one's exit code and what it wrote.
func act(t *testing.T, inputs map[string]string) (code int, out string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("the action's scripts need bash")
	}
	a := definition(t)
	temp, err := runnerTemp()
	require.NoError(t, err)
	known := map[string]string{"github.action_path": repository}
	for name, input := range a.Inputs {
		known["inputs."+name] = input.Default
	}
	for name, value := range inputs {
		require.Contains(t, a.Inputs, name)
		known["inputs."+name] = value
	}
	for _, step := range a.Runs.Steps {
		if step.Run == "" {
			continue
		}
		script := filepath.Join(t.TempDir(), "script.sh")
		require.NoError(t, os.WriteFile(script, []byte(step.Run), 0o644))
		cmd := exec.Command(bash, "--noprofile", "--norc", "-eo", "pipefail", script)
		cmd.Env = append(os.Environ(), "RUNNER_TEMP="+temp)
		for name, value := range step.Env {
			value = expression.ReplaceAllStringFunc(value, func(e string) string {
				name := expression.FindStringSubmatch(e)[1]
				require.Contains(t, known, name)
				return known[name]
			})
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil {
			require.ErrorAs(t, err, &exit)
			code = exit.ExitCode()
		}
		out = stdout.String()
		require.False(t, strings.HasPrefix(step.Name, "Build") && code != 0, "building failed: %s", stderr.String())
	}
	return code, out
}

func TestTheActionsScriptsContainNoExpressions(t *testing.T) {
	a := definition(t)
	require.Equal(t, "composite", a.Runs.Using)
	require.NotEmpty(t, a.Name)
	require.NotEmpty(t, a.Description)
	for _, step := range a.Runs.Steps {
		require.NotContains(t, step.Run, "${{", "what a caller writes would become code")
		require.Equal(t, step.Run == "", step.Shell == "", "a script needs its shell")
	}
}

func TestTheActionAnnotatesAndFails(t *testing.T) {
	tree(t, map[string]string{"a.yaml": misspelt, "b.yaml": noModel, "compose.yaml": noSpec})
	code, out := act(t, nil)
	require.Equal(t, exitProblems, code, out)
	require.Contains(t, out, "::error file=a.yaml,line=3,")
	require.Contains(t, out, "1 spec valid, 1 with problems (1 error); 1 YAML file")
}

func TestTheActionUsesItsInputs(t *testing.T) {
	tree(t, map[string]string{"specs one/a b.yaml": warned, "x/y/c.yaml": noModel, "-d.yaml": misspelt})
	paths := "specs one\r\n\nx/**/*.yaml\n"
	code, out := act(t, map[string]string{"paths": paths})
	require.Equal(t, exitDone, code, out)
	require.Contains(t, out, "::warning file=specs one/a b.yaml,")
	require.Contains(t, out, "2 specs valid (1 warning)")

	code, out = act(t, map[string]string{"paths": paths, "strict": "true", "sarif": "out put.sarif"})
	require.Equal(t, exitProblems, code, out)
	sarif, err := os.ReadFile("out put.sarif")
	require.NoError(t, err)
	require.Contains(t, string(sarif), `"uri": "specs%20one/a%20b.yaml"`)

	code, out = act(t, map[string]string{"paths": "-d.yaml\n$(touch owned); touch owned\n"})
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "::error file=-d.yaml,", "a path is no flag")
	require.NoFileExists(t, "owned", "nor is it code")
}

// hook is an entry of pre-commit's definition of hooks.
type hook struct {
	ID, Name, Description, Entry, Language string
	Types                                  []string
}

func hooks(t *testing.T) map[string]hook {
	t.Helper()
	var all []hook
	read(t, filepath.Join(repository, ".pre-commit-hooks.yaml"), &all)
	known := map[string]hook{}
	for _, h := range all {
		require.Equal(t, []string{"golang", "yaml"}, []string{h.Language, h.Types[0]})
		require.Equal(t, "flowrun", strings.Fields(h.Entry)[0])
		known[h.ID] = h
	}
	require.Len(t, known, len(all))
	return known
}

// with runs a hook as pre-commit does.
func (h hook) with(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	return flowrunWith(t, append(strings.Fields(h.Entry)[1:], args...)...)
}

func TestTheHooksSkipFilesThatAreNotSpecs(t *testing.T) {
	const untidySpec = "flowrun:   1\nmodel: {nodes: {y: 1.0 + 2.0}, outputs: [y]}\n"
	for files, want := range map[string]int{"b.yaml compose.yaml": exitDone, "compose.yaml": exitDone,
		"a.yaml b.yaml compose.yaml": exitProblems} {
		tree(t, map[string]string{"a.yaml": misspelt, "b.yaml": noModel, "compose.yaml": noSpec})
		code, out, errs := hooks(t)["flowrun-validate"].with(t, strings.Fields(files)...)
		require.Equal(t, want, code, out+errs)

		other := "other:   1\n"
		tree(t, map[string]string{"a.yaml": untidySpec, "b.yaml": "flowrun: 1\nmodules:\n  A: {output: 1.0 + 2.0}\n", "compose.yaml": other})
		code, out, errs = hooks(t)["flowrun-fmt"].with(t, append(strings.Fields(files), "--check")...)
		require.Equal(t, want, code, out+errs)
		code, out, errs = hooks(t)["flowrun-fmt"].with(t, strings.Fields(files)...)
		require.Equal(t, exitDone, code, errs)
		require.Equal(t, want == exitProblems, out == "a.yaml\n", "pre-commit sees that a file was changed")
		text, err := os.ReadFile("compose.yaml")
		require.NoError(t, err)
		require.Equal(t, other, string(text))
	}
}

func TestTheDocumentedExamplesUseExistingHooksAndInputs(t *testing.T) {
	text, err := os.ReadFile("../../docs/ci.md")
	require.NoError(t, err)
	block := func(mark string) []byte {
		_, after, found := bytes.Cut(text, []byte("```yaml "+mark+"\n"))
		require.True(t, found)
		block, _, _ := bytes.Cut(after, []byte("```"))
		return block
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Uses string
				With map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(block("workflow"), &workflow))
	a := definition(t)
	used := false
	for _, step := range workflow.Jobs["validate"].Steps {
		if !strings.HasPrefix(step.Uses, "flowrun/flowrun@") {
			continue
		}
		used = true
		require.Regexp(t, `@(v\d+\.\d+\.\d+|[0-9a-f]{40})$`, step.Uses, "what a branch names changes")
		for name := range step.With {
			require.Contains(t, a.Inputs, name)
		}
	}
	require.True(t, used)
	for name := range a.Inputs {
		require.Contains(t, string(text), "| `"+name+"` |")
	}

	var config struct {
		Repos []struct {
			Hooks []struct {
				ID   string
				Args []string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(block("pre-commit"), &config))
	known := hooks(t)
	for _, used := range config.Repos[0].Hooks {
		require.Contains(t, known, used.ID)
		tree(t, map[string]string{"w.yaml": warned + "# untidy:  \n"})
		code, _, _ := known[used.ID].with(t, append(used.Args, "w.yaml")...)
		require.Equal(t, exitProblems, code)
	}
	require.Len(t, config.Repos[0].Hooks, len(known))
}
