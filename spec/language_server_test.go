package spec_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// languageServer is yaml-language-server, the one behind YAML in most editors,
// with a schema for all that it opens. It speaks JSON-RPC on its standard files.
type languageServer struct {
	t       *testing.T
	in      io.WriteCloser
	lock    sync.Mutex // of in, and id
	id      int
	replies chan message
	found   chan published
	schema  string // a URI
	folder  string
}

// message is a request, an answer, or a notification.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      any             `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  any             `json:"result,omitempty"`
}

// published are the problems that the server sees in a document.
type published struct {
	URI         string      `json:"uri"`
	Diagnostics []complaint `json:"diagnostics"`
}

type complaint struct {
	Range struct {
		Start struct{ Line, Character int }
	}
	Message string
}

// line is where a complaint stands, counted from 1.
func (c complaint) line() int { return c.Range.Start.Line + 1 }

// startLanguageServer starts the server that scripts/test installs, or skips the
// test.
func startLanguageServer(t *testing.T, schema []byte) *languageServer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node; yaml-language-server runs on it")
	}
	program, err := filepath.Abs("../.tools/node_modules/yaml-language-server/bin/yaml-language-server")
	require.NoError(t, err)
	if _, err := os.Stat(program); err != nil {
		t.Skip("needs yaml-language-server; scripts/test installs it with npm")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "schema.json")
	require.NoError(t, os.WriteFile(file, schema, 0o644))
	c := exec.CommandContext(t.Context(), node, program, "--stdio")
	c.Dir = folder
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	s := &languageServer{t: t, in: in, schema: "file://" + file, folder: folder,
		replies: make(chan message, 16), found: make(chan published, 1024)}
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		s.listen(bufio.NewReader(out))
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Process.Kill()
		<-listening
		_ = c.Wait()
	})
	s.handshake()
	return s
}

func (s *languageServer) handshake() {
	s.call("initialize", map[string]any{"processId": os.Getpid(), "rootUri": "file://" + s.folder,
		"capabilities": map[string]any{"workspace": map[string]any{"configuration": true}}})
	s.notify("initialized", map[string]any{})
	s.notify("workspace/didChangeConfiguration", map[string]any{"settings": s.settings()})
	for try := range 50 { // until the schema is in force
		name := fmt.Sprintf("probe%d.yaml", try)
		if len(s.complaints(map[string]string{name: "nonsense: 1\n"})[name]) > 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Fatal("yaml-language-server doesn't apply the schema")
}

func (s *languageServer) settings() map[string]any {
	return map[string]any{"yaml": map[string]any{
		"validate": true, "schemas": map[string]any{s.schema: "*.yaml"},
		"schemaStore": map[string]any{"enable": false}, "customTags": []string{}}}
}

// complaints opens documents and gives what the server says about each.
func (s *languageServer) complaints(texts map[string]string) map[string][]complaint {
	for name, text := range texts {
		s.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
			"uri": s.uri(name), "languageId": "yaml", "version": 1, "text": text}})
	}
	all := map[string][]complaint{}
	for timeout := time.After(time.Minute); len(all) < len(texts); {
		select {
		case p := <-s.found:
			if name := path.Base(p.URI); s.uri(name) == p.URI && texts[name] != "" {
				all[name] = p.Diagnostics
			}
		case <-timeout:
			s.t.Fatalf("yaml-language-server says nothing about %d of %d documents", len(texts)-len(all), len(texts))
		}
	}
	return all
}

func (s *languageServer) uri(name string) string { return "file://" + s.folder + "/" + name }

func (s *languageServer) call(method string, params any) {
	s.lock.Lock()
	s.id++
	id := s.id
	s.lock.Unlock()
	s.send(message{ID: id, Method: method, Params: encode(params)})
	select {
	case <-s.replies:
	case <-time.After(time.Minute):
		s.t.Fatalf("yaml-language-server doesn't answer %s", method)
	}
}

func (s *languageServer) notify(method string, params any) {
	s.send(message{Method: method, Params: encode(params)})
}

func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// send ignores errors: whoever waits for an answer sees that there is none.
func (s *languageServer) send(m message) {
	m.JSONRPC = "2.0"
	body := encode(m)
	s.lock.Lock()
	defer s.lock.Unlock()
	fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
}

// listen takes what the server sends, and answers its own questions, until it
// ends.
func (s *languageServer) listen(r *bufio.Reader) {
	for {
		header, err := textproto.NewReader(r).ReadMIMEHeader()
		if err != nil {
			return
		}
		length, err := strconv.Atoi(header.Get("Content-Length"))
		if err != nil {
			return
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			return
		}
		switch {
		case m.Method == "":
			s.replies <- m
		case m.Method == "textDocument/publishDiagnostics":
			var p published
			if err := json.Unmarshal(m.Params, &p); err != nil {
				return
			}
			s.found <- p
		case m.Method == "workspace/configuration":
			s.send(message{ID: m.ID, Result: s.answers(m.Params)})
		case m.ID != nil:
			s.send(message{ID: m.ID, Result: map[string]any{}})
		}
	}
}

// answers gives the sections of the configuration that the server asks for.
func (s *languageServer) answers(params json.RawMessage) []any {
	var asked struct{ Items []struct{ Section string } }
	_ = json.Unmarshal(params, &asked)
	answers := make([]any, len(asked.Items))
	for i, item := range asked.Items {
		answers[i] = s.settings()[item.Section]
		if answers[i] == nil {
			answers[i] = map[string]any{}
		}
	}
	return answers
}
