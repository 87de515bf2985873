#include "node/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace serin::node {

namespace {

std::string field(const json::Value& value, std::string_view pointer) {
    return std::string(json::text(json::find(value, pointer)).value_or(""));
}

std::optional<std::string> decode_base64(std::string_view text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        if (c == '=' || c == '\n' || c == '\r') continue;
        const size_t digit = alphabet.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = (bits << 6U) | static_cast<unsigned>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xFFU);
    }
    return out;
}

// A ConfigMap or Secret, as the entries it has.
struct Source {
    const ResourceType& type;
    std::string_view words;  // As messages call it.
};

Source source_of(bool is_secret) {
    return is_secret ? Source{types::secret(), "secret"} : Source{types::config_map(), "configmap"};
}

Result<Environment> read_entries(
    const Surroundings& around, bool is_secret, const std::string& name) {
    const Source source = source_of(is_secret);
    const ObjectKey key{.type = &source.type, .ns = std::string(around.pod.ns()), .name = name};
    const Result<Object> object = around.store.get(key);
    if (!object) {
        if (object.error().kind != ErrorKind::not_found) return std::unexpected(object.error());
        return fail(ErrorKind::not_found, fmt::format("{} \"{}\" not found", source.words, name));
    }
    Environment entries;
    const auto take = [&](std::string_view part, bool is_encoded) -> Result<> {
        const json::Object* members = json::object(object->find(part));
        if (members == nullptr) return {};
        for (const auto& member : *members) {
            const auto text = json::text(&member.value());
            const auto value =
                !text || !is_encoded
                    ? text.transform([](std::string_view plain) { return std::string(plain); })
                    : decode_base64(*text);
            if (!value) {
                return fail(
                    ErrorKind::invalid,
                    fmt::format(
                        "{} \"{}\": key \"{}\" is not readable",
                        source.words,
                        name,
                        std::string_view(member.key())));
            }
            entries[member.key()] = *value;
        }
        return {};
    };
    SERIN_TRY_DO(take("/data", is_secret));
    if (is_secret) SERIN_TRY_DO(take("/stringData", false));
    return entries;
}

// Empty when the reference is optional and leads nowhere.
Result<std::optional<std::string>> read_key(
    const Surroundings& around, bool is_secret, const json::Value& reference) {
    const bool is_optional = json::boolean(json::find(reference, "/optional")).value_or(false);
    const std::string name = field(reference, "/name");
    const std::string key = field(reference, "/key");
    const Result<Environment> entries = read_entries(around, is_secret, name);
    if (!entries) {
        if (is_optional && entries.error().kind == ErrorKind::not_found) {
            return std::optional<std::string>();
        }
        return std::unexpected(entries.error());
    }
    const auto entry = entries->find(key);
    if (entry != entries->end()) return std::optional(entry->second);
    if (is_optional) return std::optional<std::string>();
    return fail(
        ErrorKind::not_found,
        fmt::format(
            "couldn't find key {} in {} {}/{}",
            key,
            is_secret ? "Secret" : "ConfigMap",
            around.pod.ns(),
            name));
}

// metadata.labels['team'] -> team.
std::optional<std::string_view> subscript(std::string_view path, std::string_view map) {
    if (!path.starts_with(map) || !path.substr(map.size()).starts_with("['") ||
        !path.ends_with("']")) {
        return std::nullopt;
    }
    return path.substr(map.size() + 2, path.size() - map.size() - 4);
}

Result<std::string> read_field(const Surroundings& around, std::string_view path) {
    const Object& pod = around.pod;
    if (const auto key = subscript(path, "metadata.labels")) {
        return std::string(pod.label(*key).value_or(""));
    }
    if (const auto key = subscript(path, "metadata.annotations")) {
        return std::string(pod.annotation(*key).value_or(""));
    }
    if (path == "metadata.name") return std::string(pod.name());
    if (path == "metadata.namespace") return std::string(pod.ns());
    if (path == "metadata.uid") return std::string(pod.uid());
    if (path == "spec.nodeName") return around.node_name;
    if (path == "spec.serviceAccountName") {
        return std::string(pod.text("/spec/serviceAccountName", "default"));
    }
    if (path == "status.podIP" || path == "status.podIPs") return around.pod_ip;
    if (path == "status.hostIP") return std::string("127.0.0.1");
    return fail(ErrorKind::invalid, fmt::format("fieldRef \"{}\" is not supported", path));
}

Result<std::optional<std::string>> read_value(
    const Surroundings& around, const json::Value& entry, const Environment& so_far) {
    if (const json::Value* from = json::find(entry, "/valueFrom")) {
        if (const json::Value* reference = json::find(*from, "/fieldRef")) {
            SERIN_TRY(std::string value, read_field(around, field(*reference, "/fieldPath")));
            return std::optional(std::move(value));
        }
        if (const json::Value* reference = json::find(*from, "/configMapKeyRef")) {
            return read_key(around, false, *reference);
        }
        if (const json::Value* reference = json::find(*from, "/secretKeyRef")) {
            return read_key(around, true, *reference);
        }
        return fail(
            ErrorKind::invalid,
            fmt::format("env {}: this kind of valueFrom is not supported", field(entry, "/name")));
    }
    return std::optional(expand(field(entry, "/value"), so_far));
}

Result<> add_sources(const Surroundings& around, const json::Object& container, Environment& env) {
    const json::Array* sources = json::array(container.if_contains("envFrom"));
    if (sources == nullptr) return {};
    for (const json::Value& source : *sources) {
        const json::Value* secret = json::find(source, "/secretRef");
        const json::Value* reference =
            secret != nullptr ? secret : json::find(source, "/configMapRef");
        if (reference == nullptr) continue;
        const Result<Environment> entries =
            read_entries(around, secret != nullptr, field(*reference, "/name"));
        if (!entries) {
            const bool is_optional =
                json::boolean(json::find(*reference, "/optional")).value_or(false);
            if (is_optional && entries.error().kind == ErrorKind::not_found) continue;
            return std::unexpected(entries.error());
        }
        const std::string prefix = field(source, "/prefix");
        for (const auto& [name, value] : *entries) env[prefix + name] = value;
    }
    return {};
}

std::string variable_name(std::string_view port_name) {
    std::string name = "PORT_";
    for (const char c : port_name) {
        name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
}

void add_place(const Surroundings& around, const json::Object& container, Environment& env) {
    env["HOST"] = around.pod_ip;
    env["POD_IP"] = around.pod_ip;
    env["POD_NAME"] = std::string(around.pod.name());
    env["POD_NAMESPACE"] = std::string(around.pod.ns());
    const json::Array* ports = json::array(container.if_contains("ports"));
    if (ports == nullptr) return;
    for (const json::Value& port : *ports) {
        const auto actual =
            actual_port(json::find(port, "/containerPort"), container, around.ports);
        if (!actual) continue;
        const std::string written = std::to_string(*actual);
        env.emplace("PORT", written);  // The first one stays.
        if (const auto name = json::text(json::find(port, "/name"))) {
            env[variable_name(*name)] = written;
        }
    }
}

std::vector<std::string> words(
    const json::Object& container, std::string_view list, const Environment& env) {
    std::vector<std::string> all;
    if (const json::Array* items = json::array(container.if_contains(list))) {
        for (const json::Value& item : *items) {
            all.push_back(expand(json::text(&item).value_or(""), env));
        }
    }
    return all;
}

}  // namespace

std::string expand(std::string_view text, const Environment& env) {
    std::string out;
    while (!text.empty()) {
        const size_t dollar = std::min(text.find('$'), text.size());
        out += text.substr(0, dollar);
        text.remove_prefix(dollar);
        if (text.starts_with("$$")) {
            out += '$';
            text.remove_prefix(2);
            continue;
        }
        const size_t end = text.find(')');
        if (text.starts_with("$(") && end != std::string_view::npos) {
            const auto found = env.find(std::string(text.substr(2, end - 2)));
            out += found == env.end() ? text.substr(0, end + 1) : std::string_view(found->second);
            text.remove_prefix(end + 1);
        } else if (!text.empty()) {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

Result<int> actual_port(
    const json::Value* port, const json::Object& container, const PortMap& ports) {
    auto number = json::integer(port);
    if (const auto name = json::text(port)) {
        int parsed = 0;
        const char* end = name->data() + name->size();
        if (std::from_chars(name->data(), end, parsed).ptr == end) number = parsed;
        const json::Array* declared = json::array(container.if_contains("ports"));
        for (const json::Value& one : declared == nullptr ? json::Array{} : *declared) {
            if (json::text(json::find(one, "/name")) == *name) {
                number = json::integer(json::find(one, "/containerPort"));
            }
        }
        if (!number) {
            return fail(ErrorKind::invalid, fmt::format("no container port is named {}", *name));
        }
    }
    if (!number || *number < 1 || *number > 65'535) {
        return fail(ErrorKind::invalid, "port: expected a port's number or name");
    }
    const auto found = ports.find(static_cast<int>(*number));
    return found == ports.end() ? static_cast<int>(*number) : found->second;
}

Result<Program> make_program(
    const Surroundings& around, const json::Object& container, const Image& image) {
    Program program{.env = around.base, .directory = image.folder};
    for (const auto& [name, value] : image.env) program.env[name] = value;
    program.env.erase("PORT");
    // An image's programs are found by name, as those that a container image installs.
    std::string& path = program.env["PATH"];
    path = path.empty() ? image.folder : fmt::format("{}:{}", image.folder, path);
    add_place(around, container, program.env);
    SERIN_TRY_DO(add_sources(around, container, program.env));
    if (const json::Array* entries = json::array(container.if_contains("env"))) {
        for (const json::Value& entry : *entries) {
            SERIN_TRY(const auto value, read_value(around, entry, program.env));
            if (value) program.env[field(entry, "/name")] = *value;
        }
    }
    program.argv = words(container, "command", program.env);
    if (program.argv.empty()) {
        for (const std::string& word : image.command) {
            program.argv.push_back(expand(word, program.env));
        }
    }
    if (program.argv.empty()) {
        return fail(
            ErrorKind::invalid,
            fmt::format(
                "nothing to run: no command in the manifest or image.json, and no executable "
                "{}/run",
                image.folder));
    }
    std::ranges::move(words(container, "args", program.env), std::back_inserter(program.argv));

    const auto directory = json::text(container.if_contains("workingDir")).value_or("");
    if (directory.starts_with('/')) {
        program.directory = directory;
    } else if (!directory.empty()) {
        program.directory = fmt::format("{}/{}", image.folder, directory);
    }
    return program;
}

}  // namespace serin::node
