#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#include <algorithm>

namespace metal_source {

static bool starts_word(char c) { return isalpha((unsigned char)c) || c == '_'; }
static bool in_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

// The length of the word, number, text or mark at `at`.
static size_t length(const std::string &s, size_t at, kind *is) {
    size_t i = at;
    if (starts_word(s[i])) {
        *is = kind::word;
        while (i < s.size() && in_word(s[i])) {
            i++;
        }
        return i - at;
    }
    if (isdigit((unsigned char)s[i]) || (s[i] == '.' && i + 1 < s.size() && isdigit((unsigned char)s[i + 1]))) {
        *is = kind::number;
        while (i < s.size() && (in_word(s[i]) || s[i] == '.' || s[i] == '\'' || (strchr("+-", s[i]) && strchr("eEpP", s[i - 1])))) {
            i++;
        }
        return i - at;
    }
    if (s[i] == '"' || s[i] == '\'') {
        *is = kind::text;
        for (i++; i < s.size() && s[i] != s[at]; i++) {
            i += s[i] == '\\';
        }
        return std::min(i + 1, s.size()) - at;
    }
    *is = kind::mark;
    for (const char *m : {"...", "<<=", "::", "->", "==", "!=", "<=", ">=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<"}) {
        if (s.compare(at, strlen(m), m) == 0) {
            return strlen(m);
        }
    }
    return 1;
}

source::source(const std::string &text) {
    files.push_back("metal");
    scan(text);
    match();
}

void source::scan(const std::string &s) {
    int file = 0, line = 1;
    bool fresh = true; // at the beginning of a line
    std::string space;
    for (size_t i = 0; i < s.size();) {
        if (s[i] == '\n') {
            line++;
            fresh = true;
        }
        if (isspace((unsigned char)s[i])) {
            space += s[i++];
            continue;
        }
        if (fresh && s[i] == '#') {
            size_t end = std::min(s.find('\n', i), s.size());
            std::string directive = s.substr(i, end - i);
            i = end;
            size_t quote = directive.find('"');
            if (quote != std::string::npos && isdigit((unsigned char)directive[std::min(directive.find_first_not_of("# "), directive.size() - 1)])) {
                // A line marker: the file and number of the next line.
                std::string name = directive.substr(quote + 1, directive.find('"', quote + 1) - quote - 1);
                int number = atoi(directive.c_str() + directive.find_first_not_of("# "));
                file = std::find(files.begin(), files.end(), name) - files.begin();
                if (file == (int)files.size()) {
                    files.push_back(name);
                }
                line = number - 1;
                directive = "#line " + std::to_string(number) + " \"" + name + "\"";
            }
            tokens.push_back({kind::directive, directive, space, file, line, "", ""});
            space.clear();
            continue;
        }
        fresh = false;
        kind is;
        size_t n = length(s, i, &is);
        tokens.push_back({is, s.substr(i, n), space, file, line, "", ""});
        space.clear();
        i += n;
    }
    tokens.push_back({kind::mark, "", "", file, line, "", ""});
    end = space;
}

void source::match() {
    mate.resize(tokens.size());
    std::vector<size_t> open;
    for (size_t i = 0; i < tokens.size(); i++) {
        mate[i] = i;
        if (is(i, "(") || is(i, "[") || is(i, "{")) {
            open.push_back(i);
        } else if (is(i, ")") || is(i, "]") || is(i, "}")) {
            const char *wanted = is(i, ")") ? "(" : is(i, "]") ? "[" : "{";
            if (open.empty() || !is(open.back(), wanted)) {
                wrong(i, "there is no " + std::string(wanted) + " for this " + tokens[i].text);
                return;
            }
            mate[i] = open.back();
            mate[open.back()] = i;
            open.pop_back();
        }
    }
    if (!open.empty()) {
        wrong(open.back(), "nothing ends this " + tokens[open.back()].text);
    }
}

void source::wrong(size_t at, const std::string &what) { faults.push_back({tokens[at].file, tokens[at].line, what}); }

std::string source::faults_as_text() const {
    std::string all;
    for (const fault &f : faults) {
        std::string one = files[f.file] + ":" + std::to_string(f.line) + ": error: " + f.what + "\n";
        if (all.find(one) == std::string::npos) {
            all += one;
        }
    }
    return all;
}

std::string source::text() const {
    std::string all;
    for (const token &t : tokens) {
        all += t.space + t.before + t.text + t.after;
    }
    return all + end;
}

} // namespace metal_source
