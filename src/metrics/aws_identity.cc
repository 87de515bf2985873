#include "metrics/aws_identity.h"

#include "base/json.h"
#include "metrics/authentication.h"
#include "metrics/aws_files.h"
#include "metrics/http_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace serin::metrics {

namespace {

constexpr Duration timeout = std::chrono::seconds(10);
// Where there is no metadata service nobody answers.
constexpr Duration machine_timeout = std::chrono::seconds(2);
constexpr std::string_view no_keys = "could not get keys of AWS";

using Next = std::function<Result<Question>(const AwsKeys& keys)>;

std::string variable(const Credentials& credentials, const char* name) {
    return credentials.variable(name).value_or("");
}

std::string trimmed(std::string text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

bool is_complete(const AwsKeys& keys) {
    return !keys.access_key_id.empty() && !keys.secret_access_key.empty();
}

// The text of the first element of this name. Keys hold nothing that XML escapes.
std::string element(std::string_view body, const std::string& name) {
    const std::string open = "<" + name + ">";
    const auto start = body.find(open);
    if (start == std::string_view::npos) return {};
    const auto end = body.find("</" + name + ">", start);
    if (end == std::string_view::npos) return {};
    return std::string(body.substr(start + open.size(), end - start - open.size()));
}

// The answer of STS, of a container's address, and of the machine's metadata service.
Result<AwsKeys> read_keys(const HttpResponse& response) {
    if (response.status != 200) return std::unexpected(status_error(response));
    AwsKeys keys;
    if (const auto body = json::parse(response.body)) {
        const auto field = [&body](const char* at) {
            return std::string(json::text(json::find(*body, at)).value_or(""));
        };
        keys = {
            .access_key_id = field("/AccessKeyId"),
            .secret_access_key = field("/SecretAccessKey"),
            .session_token = field("/Token")};
    } else {
        keys = {
            .access_key_id = element(response.body, "AccessKeyId"),
            .secret_access_key = element(response.body, "SecretAccessKey"),
            .session_token = element(response.body, "SessionToken")};
    }
    const std::string all = keys.access_key_id + keys.secret_access_key + keys.session_token;
    if (!is_complete(keys) || all.find_first_of("\r\n") != std::string::npos)
        return fail(ErrorKind::invalid, "the answer holds none");
    return keys;
}

// What is asked with keys hides them.
Result<Question> asked_with(const AwsKeys& keys, const Next& next) {
    SERIN_TRY(Question question, next(keys));
    question.secrets.push_back(keys.secret_access_key);
    question.secrets.push_back(keys.session_token);
    return question;
}

Question keys_question(HttpRequest request, std::vector<std::string> secrets, const Next& next) {
    return {
        .request = std::move(request),
        .then = [next](const HttpResponse& response) -> Result<Question> {
            const auto keys = read_keys(response);
            if (!keys) return std::unexpected(Error(keys.error()).within(no_keys));
            return asked_with(*keys, next);
        },
        .secrets = std::move(secrets),
        .attempt = std::string(no_keys)};
}

Result<HttpRequest> sts_request(
    const Credentials& credentials, const std::string& region, std::string form) {
    std::string session = variable(credentials, "AWS_ROLE_SESSION_NAME");
    if (session.empty()) session = "serin";
    std::string address = without_slash(variable(credentials, "AWS_ENDPOINT_URL_STS"));
    if (address.empty()) {
        address = region.empty() ? "https://sts.amazonaws.com"
                                 : fmt::format(
                                       "https://sts.{}.amazonaws.com{}",
                                       region,
                                       region.starts_with("cn-") ? ".cn" : "");
    }
    SERIN_TRY_DO(check_url("AWS_ENDPOINT_URL_STS", address));
    HttpRequest request{.method = "POST", .url = address + "/"};
    request.timeout = timeout;
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body =
        fmt::format("Version=2011-06-15&RoleSessionName={}&{}", escape_form(session), form);
    return request;
}

Result<Question> web_identity_question(
    const Credentials& credentials,
    const std::string& region,
    const std::string& token_file,
    const Next& next) {
    SERIN_TRY(std::string token, Credentials::file(token_file));
    token = trimmed(std::move(token));
    SERIN_TRY(
        HttpRequest request,
        sts_request(
            credentials,
            region,
            fmt::format(
                "Action=AssumeRoleWithWebIdentity&RoleArn={}&WebIdentityToken={}",
                escape_form(variable(credentials, "AWS_ROLE_ARN")),
                escape_form(token))));
    return keys_question(std::move(request), {token}, next);
}

Result<Question> container_question(
    const Credentials& credentials, const std::string& address, const Next& next) {
    SERIN_TRY_DO(check_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", address));
    std::string token = variable(credentials, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const std::string file = variable(credentials, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty()) {
        SERIN_TRY(token, Credentials::file(file));
        token = trimmed(std::move(token));
    }
    HttpRequest request{.url = address};
    request.timeout = timeout;
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    return keys_question(std::move(request), {token}, next);
}

// What was tried before the machine is asked.
std::string nothing_given(const Credentials& credentials) {
    const auto secret = credentials.own_secret("cloudwatch");
    return fmt::format(
        "{}, no AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, no role of a pod and no profile",
        secret ? "" : secret.error().message);
}

// The metadata service in its second version: a token, the name of the machine's role, its keys.
class Machine {
public:
    Machine(std::string address, std::string attempt, Next next)
        : address_(std::move(address)), attempt_(std::move(attempt)), next_(std::move(next)) {}

    Question ask_token() const {
        HttpRequest request{.method = "PUT", .url = address_ + "/latest/api/token"};
        request.timeout = machine_timeout;
        request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "60"}};
        return {
            .request = std::move(request),
            .then = [self = *this](const HttpResponse& response) -> Result<Question> {
                const std::string token = trimmed(response.body);
                if (response.status != 200) return self.refuse(response);
                if (token.empty() || token.find_first_of("\r\n") != std::string::npos)
                    return fail(ErrorKind::invalid, self.attempt_ + ": its token is none");
                return self.ask_role(token);
            },
            .attempt = attempt_};
    }

private:
    Question ask_role(const std::string& token) const {
        return {
            .request = request_to("", token),
            .then = [self = *this, token](const HttpResponse& response) -> Result<Question> {
                if (response.status != 200) return self.refuse(response);
                const auto end = response.body.find_first_of("\r\n");
                return keys_question(
                    self.request_to(escape_form(response.body.substr(0, end)), token),
                    {token},
                    self.next_);
            },
            .secrets = {token},
            .attempt = attempt_};
    }
    HttpRequest request_to(const std::string& role, const std::string& token) const {
        HttpRequest request{.url = address_ + "/latest/meta-data/iam/security-credentials/" + role};
        request.timeout = machine_timeout;
        request.headers = {{"X-aws-ec2-metadata-token", token}};
        return request;
    }
    std::unexpected<Error> refuse(const HttpResponse& response) const {
        return std::unexpected(status_error(response).within(attempt_));
    }

    std::string address_;
    std::string attempt_;
    Next next_;
};

Result<Question> machine_question(const Credentials& credentials, const Next& next) {
    const std::string nothing = nothing_given(credentials);
    if (variable(credentials, "AWS_EC2_METADATA_DISABLED") == "true")
        return fail(ErrorKind::not_found, nothing);
    std::string address = without_slash(variable(credentials, "AWS_EC2_METADATA_SERVICE_ENDPOINT"));
    if (address.empty()) address = "http://169.254.169.254";
    SERIN_TRY_DO(check_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", address));
    return Machine(
               std::move(address), nothing + "; the machine's metadata service gives none", next)
        .ask_token();
}

// `next` with the keys of a role that is assumed with those it gets.
Next in_role(
    const Credentials& credentials,
    const std::string& region,
    const std::string& role_arn,
    Instant now,
    Next next) {
    return [&credentials, region, role_arn, now, next = std::move(next)](
               const AwsKeys& keys) -> Result<Question> {
        SERIN_TRY(
            HttpRequest request,
            sts_request(credentials, region, "Action=AssumeRole&RoleArn=" + escape_form(role_arn)));
        const std::string scope = region.empty() ? "us-east-1" : region;
        sign_v4(request, keys, {.region = scope, .service = "sts"}, now);
        return keys_question(std::move(request), {}, next);
    };
}

// What with_aws_keys asks for without the machine.
bool has_pod_role(const Credentials& credentials) {
    return !variable(credentials, "AWS_WEB_IDENTITY_TOKEN_FILE").empty() ||
           !variable(credentials, "AWS_CONTAINER_CREDENTIALS_FULL_URI").empty() ||
           !variable(credentials, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty();
}

Result<> take_secret(const SecretValues& secret, AwsIdentity& identity) {
    identity.keys = {
        .access_key_id = value_at(secret, "access-key-id"),
        .secret_access_key = value_at(secret, "secret-access-key"),
        .session_token = value_at(secret, "session-token")};
    if (auto region = value_at(secret, "region"); !region.empty())
        identity.region = std::move(region);
    if (auto endpoint = value_at(secret, "endpoint"); !endpoint.empty())
        identity.endpoint = std::move(endpoint);
    if (is_complete(identity.keys)) return {};
    return fail(
        ErrorKind::not_found,
        "secret \"cloudwatch\": needs the keys access-key-id and secret-access-key");
}

}  // namespace

Result<AwsIdentity> aws_identity(const Credentials& credentials, const std::string& profile) {
    const auto either = [&credentials](const char* first, const char* second) {
        const std::string found = variable(credentials, first);
        return found.empty() ? variable(credentials, second) : found;
    };
    AwsIdentity identity{
        .keys =
            {.access_key_id = variable(credentials, "AWS_ACCESS_KEY_ID"),
             .secret_access_key = variable(credentials, "AWS_SECRET_ACCESS_KEY"),
             .session_token = variable(credentials, "AWS_SESSION_TOKEN")},
        .region = either("AWS_REGION", "AWS_DEFAULT_REGION"),
        .endpoint = either("AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL")};
    if (!profile.empty()) {
        auto named = aws_profile(credentials, profile);
        if (!named) {
            return fail(
                ErrorKind::not_found,
                fmt::format("the files of AWS' tools have no keys for profile \"{}\"", profile));
        }
        identity.keys = std::move(named->keys);
        if (!named->region.empty()) identity.region = std::move(named->region);
        return identity;
    }
    if (is_complete(identity.keys)) return identity;
    identity.keys = {};
    const auto secret = credentials.own_secret("cloudwatch");
    if (secret) {
        SERIN_TRY_DO(take_secret(*secret, identity));
        return identity;
    }
    if (secret.error().kind != ErrorKind::not_found) return std::unexpected(secret.error());
    if (has_pod_role(credentials)) return identity;
    const std::string usual = variable(credentials, "AWS_PROFILE");
    if (auto found = aws_profile(credentials, usual.empty() ? "default" : usual)) {
        identity.keys = std::move(found->keys);
        if (identity.region.empty()) identity.region = std::move(found->region);
    }
    return identity;
}

Result<Question> with_aws_keys(
    const Credentials& credentials,
    const AwsIdentity& identity,
    const std::string& role_arn,
    Instant now,
    Next next) {
    if (!role_arn.empty())
        next = in_role(credentials, identity.region, role_arn, now, std::move(next));
    if (is_complete(identity.keys)) return asked_with(identity.keys, next);
    const std::string token_file = variable(credentials, "AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!token_file.empty() && !variable(credentials, "AWS_ROLE_ARN").empty())
        return web_identity_question(credentials, identity.region, token_file, next);
    const std::string address = variable(credentials, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!address.empty()) return container_question(credentials, address, next);
    const auto relative = variable(credentials, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (relative.starts_with('/'))
        return container_question(credentials, "http://169.254.170.2" + relative, next);
    return machine_question(credentials, next);
}

}  // namespace serin::metrics
