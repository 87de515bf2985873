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

std::string number_line(const json::Value& value) {
    const json::Object* number = json::object(&value);
    if (!number) return {};
    std::string line = std::string(indent) + text_at(*number, "/metric") + " = " +
                       text_at(*number, "/value") + " (" + text_at(*number, "/condition");
    const std::string window = text_at(*number, "/window");
    if (!window.empty()) line += ", every " + window;
    if (const auto n = json::integer(json::find(*number, "/n"))) {
        line += ", n = " + std::to_string(*n);
    }
    line += "): " + text_at(*number, "/phase");
    const std::string message = text_at(*number, "/message");
    if (!message.empty()) line += ", " + message;
    return line + "\n";
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
