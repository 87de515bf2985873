#include "metrics/aws_files.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

namespace serin::metrics {

namespace {

using Settings = std::map<std::string, std::string, std::less<>>;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    const auto start = text.find_first_not_of(blank);
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(blank) - start + 1);
}

// The settings of one section: "[name]" and then "key = value", until the next.
Settings section_of(std::string_view text, std::string_view section) {
    Settings settings;
    bool is_in = false;
    while (!text.empty()) {
        const std::string_view line = trimmed(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
        if (line.starts_with('[')) {
            is_in = trimmed(line.substr(1, line.find(']') - 1)) == section;
            continue;
        }
        const auto equals = line.find('=');
        if (!is_in || equals == std::string_view::npos) continue;
        std::string key(trimmed(line.substr(0, equals)));
        std::ranges::transform(key, key.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        settings[key] = trimmed(line.substr(equals + 1));
    }
    return settings;
}

std::string read_file(
    const Credentials& credentials, const std::string& variable, const std::string& usual) {
    std::string path = credentials.variable(variable).value_or("");
    if (path.empty()) {
        const std::string home = credentials.variable("HOME").value_or("");
        if (home.empty()) return {};
        path = home + usual;
    }
    return Credentials::file(path).value_or("");
}

std::string value_of(const Settings& settings, std::string_view key) {
    const auto found = settings.find(key);
    return found == settings.end() ? "" : found->second;
}

}  // namespace

std::optional<AwsProfile> aws_profile(const Credentials& credentials, const std::string& profile) {
    const std::string keys =
        read_file(credentials, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
    const std::string config = read_file(credentials, "AWS_CONFIG_FILE", "/.aws/config");
    Settings settings = section_of(keys, profile);
    // What the first file says counts.
    settings.merge(
        section_of(config, profile == "default" ? profile : std::string("profile ") + profile));
    AwsProfile read{
        .keys =
            {.access_key_id = value_of(settings, "aws_access_key_id"),
             .secret_access_key = value_of(settings, "aws_secret_access_key"),
             .session_token = value_of(settings, "aws_session_token")},
        .region = value_of(settings, "region")};
    if (read.keys.access_key_id.empty() || read.keys.secret_access_key.empty()) return std::nullopt;
    return read;
}

}  // namespace serin::metrics
