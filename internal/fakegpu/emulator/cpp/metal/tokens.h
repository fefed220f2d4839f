// The tokens of a preprocessed source, each with its position, and the text to write
// around or instead of it.

#pragma once

#include <string>
#include <vector>

namespace metal_source {

enum class kind { word, number, mark, text, directive };

struct token {
    kind is;
    std::string text;
    std::string space; // before it
    int file, line;    // file is an index
    std::string before, after; // to be written around it
};

// An error at a position.
struct fault {
    int file, line;
    std::string what;
};

struct source {
    std::vector<token> tokens; // with an empty mark at the end
    std::vector<size_t> mate;  // of brackets: where the other one is
    std::vector<std::string> files;
    std::vector<fault> faults;
    std::string end; // space after the last

    explicit source(const std::string &text);
    void wrong(size_t at, const std::string &what);
    std::string faults_as_text() const;
    std::string text() const;

    bool is(size_t at, const char *text) const { return tokens[at].text == text; }
    bool is_word(size_t at) const { return tokens[at].is == kind::word; }

private:
    void scan(const std::string &text);
    void match();
};

} // namespace metal_source
