// Checks and translations of single words and literals: words that Metal lacks, address
// spaces, vectors, numbers.

#include "translator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmath>
#include <map>
#include <set>

namespace metal_source {

// C++ words that Metal lacks by its specification, and one of a later Metal.
static const std::map<std::string, std::string> lacking = {
    {"double", "Metal has no double"},
    {"goto", "Metal has no goto"},
    {"new", "Metal has no new"},
    {"delete", "Metal has no delete"},
    {"virtual", "Metal has no virtual functions"},
    {"thread_local", "Metal has no thread_local"},
    {"register", "Metal has no register"},
    {"noexcept", "Metal has no noexcept"},
    {"throw", "Metal has no exceptions"},
    {"try", "Metal has no exceptions"},
    {"catch", "Metal has no exceptions"},
    {"dynamic_cast", "Metal has no dynamic_cast"},
    {"typeid", "Metal has no typeid"},
    {"asm", "Metal has no assembly"},
    {"__asm__", "Metal has no assembly"},
    {"wchar_t", "Metal has no wchar_t"},
    {"bfloat", "bfloat needs MSL 3.1, and sources are MSL 3.0"},
};

bool is_space(const std::string &word) {
    return word == "device" || word == "constant" || word == "threadgroup" || word == "thread";
}

static bool is_vector(const std::string &word) {
    static const std::set<std::string> of = {"char", "uchar", "short", "ushort", "int", "uint", "long", "ulong", "half", "float"};
    return !word.empty() && strchr("234", word.back()) && of.count(word.substr(0, word.size() - 1));
}

void translator::words() {
    for (size_t i = 0; i + 1 < s.tokens.size(); i++) {
        token &t = s.tokens[i];
        if (t.is == kind::number) {
            literal(i);
        } else if (t.is == kind::mark) {
            lambda(i);
            function_pointer(i);
        }
        if (t.is != kind::word) {
            continue;
        }
        auto l = lacking.find(t.text);
        if (l != lacking.end() && !(t.text == "delete" && i > 0 && s.is(i - 1, "="))) {
            s.wrong(i, l->second);
        } else if (t.text == "long" && s.is(i + 1, "long")) {
            s.wrong(i, "Metal has no long long; long has 64 bits");
        } else if (is_space(t.text)) {
            space(i);
        } else if ((t.text == "kernel" || t.text == "vertex" || t.text == "fragment") && !s.is_word(i + 1)) {
            s.wrong(i, t.text + " is a keyword of Metal and can't be a name");
        } else if (t.text == "constexpr" && i > 1 && s.is(i - 1, "if")) {
            s.wrong(i, "if constexpr needs C++17, and Metal 3.0 is C++14");
        } else if (is_vector(t.text) && s.is(i + 1, "(")) {
            t.before += "::metal::make<";
            t.after = ">" + t.after;
        }
    }
}

// An address space precedes a type, or the * or & after one, or follows the parameters of
// a method.
void translator::space(size_t i) {
    token &t = s.tokens[i];
    bool of_method = i > 0 && (s.is(i - 1, ")") || s.is(i - 1, "const")) && (s.is(i + 1, "{") || s.is(i + 1, ";"));
    bool after_type = i > 0 && (s.is_word(i - 1) || s.is(i - 1, ">"));
    bool before_type = s.is_word(i + 1) || s.is(i + 1, "::");
    if (!before_type && !of_method && !(after_type && (s.is(i + 1, "*") || s.is(i + 1, "&")))) {
        s.wrong(i, t.text + " is a keyword of Metal and can't be a name");
        return;
    }
    if (t.text == "thread" || of_method) {
        t.text = purpose == metal_purpose::checking_opencl && !of_method ? "__private" : "";
    } else {
        t.text = t.text == "device" ? "IN_DEVICE" : t.text == "constant" ? "IN_CONSTANT" : "IN_THREADGROUP";
    }
    spaces.insert(i);
}

void translator::lambda(size_t i) {
    if (!s.is(i, "[") || i == 0 || s.is(i + 1, "[") || (s.is(i - 1, "[") && s.mate[i - 1] == s.mate[i] + 1)) {
        return;
    }
    bool indexes = (s.is_word(i - 1) && !s.is(i - 1, "return")) || s.is(i - 1, ")") || s.is(i - 1, "]") || s.is(i - 1, ">") ||
                   s.is(i - 1, "}") || s.tokens[i - 1].is == kind::text;
    if (!indexes) {
        s.wrong(i, "Metal has no lambdas");
    }
}

void translator::function_pointer(size_t i) {
    if (!s.is(i, "(") || !(s.is(i + 1, "*") || s.is(i + 1, "&")) || s.mate[i] + 1 >= s.tokens.size() || !s.is(s.mate[i] + 1, "(")) {
        return;
    }
    size_t inside = s.mate[i] - i - 1;
    if (inside == 1 || (inside == 2 && s.is_word(i + 2))) {
        s.wrong(i, "Metal has no pointers to functions");
    }
}

// A number with a point is f32, with or without a suffix. It is written in decimals that
// convert back to it, since C++14 has no hexadecimal floats.
void translator::literal(size_t i) {
    std::string &text = s.tokens[i].text;
    bool hexadecimal = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
    bool pointed = text.find_first_of(hexadecimal ? ".pP" : ".eE") != std::string::npos;
    char last = text.back();
    if (!pointed && !hexadecimal && strchr("fFhH", last)) {
        s.wrong(i, text + " is not a number");
        return;
    }
    if (!pointed) {
        return;
    }
    if (strchr("hH", last)) {
        s.wrong(i, text + " is of type half, regardless of the kernel's dtype");
        return;
    }
    char *end;
    float v = strtof(text.c_str(), &end);
    if (*end != 0 && strcmp(end, "f") != 0 && strcmp(end, "F") != 0) {
        s.wrong(i, text + " has a suffix that Metal lacks");
        return;
    }
    if (std::isinf(v)) {
        s.wrong(i, text + " is out of range for f32");
        return;
    }
    char decimal[64];
    snprintf(decimal, sizeof decimal, "%.9ef", v);
    text = decimal;
}

} // namespace metal_source
