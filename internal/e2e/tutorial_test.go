package e2e_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/internal/racetest"
)

// The tutorial is followed word by word, in a clone that has nothing but the graphs: its
// files are written, its changes made, its commands run in their order, and their outputs
// put into the page, which must then be what it was.
func TestTheTutorialShowsWhatItsCommandsPrint(t *testing.T) {
	switch {
	case testing.Short():
		t.Skip("builds flowrun; -short leaves it out")
	case racetest.Enabled:
		t.Skip("runs other processes, which have no race detector")
	case runtime.GOOS == "windows":
		t.Skip("its commands are those of a shell")
	}
	t.Parallel()
	p := openPage(t, "tutorial.md")
	r := newReader(t, p)
	shown := r.follow(t, p.text)
	require.Greater(t, r.commands, 20)
	if runtime.GOARCH == "amd64" { // others round differently
		goldentest.Equal(t, filepath.Join(p.root, "docs", "tutorial.md"), shown)
	}
}

// reader follows a page in a folder of its own.
type reader struct {
	dir      string // where it is, as cd says
	env      []string
	bin      string // flowrun and serve
	server   string // the address of the server that runs
	code     int    // of the last command
	commands int
}

func newReader(t *testing.T, p *page) *reader {
	t.Helper()
	clone, bin := t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(clone, "graphs"), os.DirFS(filepath.Join(p.root, "graphs"))))
	require.NoError(t, os.Rename(p.build(t), filepath.Join(bin, "flowrun")))
	p.run(t, "go", "build", "-o", filepath.Join(bin, "serve"), "./examples/serve")
	return &reader{dir: clone, bin: bin, env: []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + t.TempDir(), "FLOWRUN_CACHE=" + t.TempDir(), "LC_ALL=C.UTF-8", "NO_COLOR=1",
		"FLOWRUN_CPU=go", // the last digits on the page are those that every amd64 has
	}}
}

// follow does what the blocks of a page say, each under a line of words, and returns the
// page with the outputs that they have now.
func (r *reader) follow(t *testing.T, text string) (shown string) {
	t.Helper()
	above := ""
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		kind, is := strings.CutPrefix(line, "```")
		if !is {
			if shown, text = shown+line+"\n", rest; line != "" {
				above = line
			}
			continue
		}
		block, rest, closed := strings.Cut(rest, "```\n")
		require.True(t, closed, above)
		switch kind {
		case "console":
			block = r.console(t, block)
		case "diff":
			r.change(t, nameIn(t, above), block)
		default:
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, nameIn(t, above)), []byte(block), 0o600))
		}
		shown, text = shown+line+"\n"+block+"```\n", rest
	}
	return shown
}

// nameIn returns the name of a file with which the line above its block ends.
func nameIn(t *testing.T, line string) string {
	t.Helper()
	m := regexp.MustCompile("`([^`]+)`:$").FindStringSubmatch(line)
	require.NotNil(t, m, "it ends with the name of a file: %s", line)
	return m[1]
}

// change makes the changes of a diff: lines with a plus or a blank take the place of those
// with a minus or a blank, which the file has exactly once.
func (r *reader) change(t *testing.T, name, diff string) {
	t.Helper()
	file := filepath.Join(r.dir, name)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	text := string(content)
	for _, hunk := range strings.Split(diff, "@@\n") {
		var before, after string
		for line := range strings.Lines(hunk) {
			if line[0] != '+' {
				before += line[1:]
			}
			if line[0] != '-' {
				after += line[1:]
			}
		}
		require.Equal(t, 1, strings.Count(text, before), "%s has once:\n%s", name, before)
		text = strings.Replace(text, before, after, 1)
	}
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

// console runs the commands of a block, which are the lines that begin with a dollar. One
// that fails is followed by echo $?.
func (r *reader) console(t *testing.T, block string) (shown string) {
	t.Helper()
	var commands []string
	for line := range strings.Lines(block) {
		if command, is := strings.CutPrefix(line, "$ "); is {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	for i, command := range commands {
		out := r.command(t, command)
		if i+1 == len(commands) || commands[i+1] != "echo $?" {
			require.Zero(t, r.code, "%s\n%s", command, out)
		}
		shown += "$ " + command + "\n" + withoutTimes(out)
		r.commands++
	}
	return shown
}

// command runs one command and returns what it prints.
func (r *reader) command(t *testing.T, command string) string {
	t.Helper()
	if args, is := strings.CutPrefix(command, "go run ../examples/serve "); is {
		return r.serve(t, strings.Fields(args))
	}
	if strings.HasPrefix(command, "curl ") {
		return r.curl(t, command)
	}
	where := filepath.Join(r.bin, "where")
	c := exec.Command("sh", "-c", "(exit $CODE)\n"+command+"\nCODE=$?; pwd > '"+where+"'; exit $CODE")
	c.Dir = r.dir
	c.Env = append([]string{"CODE=" + strconv.Itoa(r.code)}, r.env...)
	out, _ := c.CombinedOutput()
	r.code = c.ProcessState.ExitCode()
	dir, err := os.ReadFile(where)
	require.NoError(t, err, command)
	r.dir = strings.TrimSpace(string(dir))
	return string(out)
}

// serve starts the server, on a port that is free, until the test ends.
func (r *reader) serve(t *testing.T, args []string) string {
	t.Helper()
	c := exec.Command(filepath.Join(r.bin, "serve"), append(args, "-listen", "127.0.0.1:0")...)
	c.Dir, c.Env, c.Stderr = r.dir, r.env, os.Stderr
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		require.NoError(t, c.Process.Signal(os.Interrupt))
		require.NoError(t, c.Wait(), "it ends well when it is told to")
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	r.server = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	return strings.Replace(line, r.server, "127.0.0.1:8080", 1)
}

// curl does what the page's calls of curl do, which not every machine has.
func (r *reader) curl(t *testing.T, command string) string {
	t.Helper()
	m := regexp.MustCompile(`^curl -s (-X POST )?localhost:8080(\S+)(?: -d '([^']*)')?$`).FindStringSubmatch(command)
	require.NotNil(t, m, command)
	method := "GET"
	if m[1]+m[3] != "" {
		method = "POST"
	}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.server+m[2], strings.NewReader(m[3]))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(text))
	return string(text)
}

// machines are the parts of outputs that differ from run to run: what a progress line has
// after the learning rate, how long a run took, where prepared data are.
var machines = []struct{ pattern, shown string }{
	{`(?m)^(step .*  lr \S+)  .*$`, "$1  …"},
	{`in \S+ \(\S+ steps/s\)`, "in …"},
	{`(?m)^(  prepared  ).*$`, "${1}…"},
	{` +\b\d+(?:\.\d+)?(?:ms|s)\b`, " …"},
}

func withoutTimes(out string) string {
	for _, m := range machines {
		out = regexp.MustCompile(m.pattern).ReplaceAllString(out, m.shown)
	}
	return out
}
