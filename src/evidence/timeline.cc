#include "evidence/timeline.h"

#include "base/json.h"

#include <string_view>

namespace serin::evidence {

namespace {

constexpr std::string_view indent = "    ";

std::string text_at(const json::Object& body, std::string_view pointer) {
    return std::string(json::text(json::find(body, pointer)).value_or(""));
}

std::string weight_at(const json::Object& body, std::string_view side) {
    const auto weight = json::integer(json::find(body, std::string(side) + "/weight"));
    return weight ? std::to_string(*weight) : std::string();
}

std::string headline(const EvidenceEntry& entry) {
    std::string line = format_time_precise(entry.at) + "  " + entry.release + "\n";
    line += indent;
    line += text_at(entry.body, "/rule") + ": " + text_at(entry.body, "/reason") + "\n";
    return line;
}

std::string stand(const json::Object& body) {
    std::string line;
    const auto add = [&](const std::string& part) {
        if (part.empty()) return;
        line += (line.empty() ? std::string(indent) : ", ") + part;
    };
    const std::string before = text_at(body, "/before/phase");
    const std::string after = text_at(body, "/after/phase");
    add(before == after ? after : before + " -> " + after);
    const auto step = json::integer(json::find(body, "/after/step"));
    const auto steps = json::integer(json::find(body, "/after/steps"));
    if (step && steps) add("step " + std::to_string(*step) + "/" + std::to_string(*steps));
    const std::string was = weight_at(body, "/before");
    const std::string is = weight_at(body, "/after");
    if (!is.empty()) add("weight " + (was.empty() || was == is ? is : was + " -> " + is));
    return line.empty() ? line : line + "\n";
}

// "[0.75]" is 0.75: a list of one is how conditions see a value.
std::string value_text(const std::string& value) {
    const bool is_single = value.starts_with('[') && value.ends_with(']') &&
                           value.find_first_of(",[]", 1) == value.size() - 1;
    return is_single ? value.substr(1, value.size() - 2) : value;
}

std::string count_at(const json::Object& number, std::string_view pointer) {
    const auto count = json::integer(json::find(number, pointer));
    return count ? std::to_string(*count) : std::string();
}

// " of 20 requests (5 failed, 1 lost)".
std::string requests_text(const json::Object& number) {
    if (text_at(number, "/of") != "requests") return {};
    std::string kinds;
    for (const char* kind : {"failed", "lost", "retried"}) {
        const std::string count = count_at(number, std::string("/") + kind + "Requests");
        if (count.empty() || count == "0") continue;
        kinds += (kinds.empty() ? " (" : ", ") + count + " " + kind;
    }
    if (!kinds.empty()) kinds += ")";
    return " of " + count_at(number, "/n") + " requests" + kinds;
}

// "0.75 of 20 requests (5 failed) in 1.9s": the value and what it is of.
std::string measured(const json::Object& number) {
    std::string line = value_text(text_at(number, "/value"));
    if (line.empty()) line = "without a value";
    line += requests_text(number);
    const std::string window = text_at(number, "/window");
    if (!window.empty()) line += " in " + window;
    const std::string stable = text_at(number, "/stableValue");
    if (stable.empty()) return line;
    line += " (candidate " + text_at(number, "/candidateValue") + ", stable " + stable;
    const std::string stable_n = count_at(number, "/stableN");
    if (!stable_n.empty()) line += " of " + stable_n + " requests";
    return line + ")";
}

// "1 of 3 measurements failed, 0 allowed": of the way of ending that decided.
std::string tally(const json::Object& number) {
    const std::string total = count_at(number, "/measurements");
    if (total.empty()) return {};
    const std::string phase = text_at(number, "/phase");
    const auto told = [&](const char* count, const char* words, const char* max) {
        std::string text = count_at(number, count) + " of " + total + " measurements " + words;
        const std::string allowed = count_at(number, max);
        if (allowed.empty()) return text;
        return text + ", " + allowed + (phase == "Error" ? " in a row allowed" : " allowed");
    };
    if (phase == "Error") return told("/errors", "ended in errors", "/consecutiveErrorsMax");
    if (phase == "Inconclusive") return told("/inconclusive", "could not tell", "/inconclusiveMax");
    return told("/failed", "failed", "/failedMax");
}

std::string number_line(const json::Value& value) {
    const json::Object* number = json::object(&value);
    if (!number) return {};
    std::string line = std::string(indent) + text_at(*number, "/metric") + " " + measured(*number);
    const std::string condition = text_at(*number, "/condition");
    const bool is_success_asked = !condition.starts_with("fails when ");
    if (!condition.empty()) line += (is_success_asked ? ", wanted " : ", ") + condition;
    line += ": " + text_at(*number, "/phase");
    const std::string counts = tally(*number);
    if (!counts.empty()) line += " (" + counts + ")";
    // With a value, the message says the same again.
    const std::string message = text_at(*number, "/message");
    if (!message.empty() && text_at(*number, "/value").empty()) line += ": " + message;
    line += "\n";
    const std::string where = text_at(*number, "/where/text");
    if (!where.empty()) line += std::string(indent) + std::string(indent) + where + "\n";
    return line;
}

}  // namespace

std::string render_timeline(const std::vector<EvidenceEntry>& entries) {
    std::string page;
    for (const EvidenceEntry& entry : entries) {
        if (!page.empty()) page += "\n";
        page += headline(entry);
        page += stand(entry.body);
        if (const json::Array* numbers = json::array(json::find(entry.body, "/numbers"))) {
            for (const json::Value& number : *numbers) page += number_line(number);
        }
        const json::Array* actions = json::array(json::find(entry.body, "/actions"));
        if (!actions) continue;
        for (const json::Value& action : *actions) {
            const auto words = json::text(json::find(action, "/words"));
            if (words) page += std::string(indent) + "-> " + std::string(*words) + "\n";
        }
    }
    return page;
}

}  // namespace serin::evidence
