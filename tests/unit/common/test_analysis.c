#include "common/analysis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int open_shipped(void **state)
{
        struct analysis *analysis;
        struct error e;
        if (analysis_open(&analysis, BRIG_SOURCE_DIR "/config", &e) < 0)
                fail_msg("%s", e.text);
        *state = analysis;
        return 0;
}

static int close_shipped(void **state)
{
        analysis_close(*state);
        return 0;
}

static struct job job_of(const char *language, const char *code)
{
        struct job job = {.has_code = true, .language = strdup(language)};
        bytes_append_string(&job.code, code);
        return job;
}

/* "LINE:COLUMN RULE", a "!" after those that raise, one after the other. */
static char *describe(const struct finding *findings, size_t count)
{
        struct bytes text = {0};
        bytes_reserve(&text, 1);
        text.data[0] = 0;
        for (size_t i = 0; i < count; i++)
                bytes_append_format(&text, "%s%u:%u %s%s", i ? ", " : "", findings[i].line, findings[i].column, findings[i].rule,
                                    findings[i].raise ? "!" : "");
        return bytes_take(&text);
}

static void assert_findings(const struct analysis *analysis, const char *language, const char *code, enum risk level, const char *expected)
{
        struct job job = job_of(language, code);
        struct finding *findings;
        size_t count;
        enum risk asked = analysis_run(analysis, &job, level, &findings, &count);
        char *found = describe(findings, count);
        if (strcmp(found, expected) != 0)
                fail_msg("%s: found %s", code, found);
        assert_int_equal(asked, strchr(expected, '!') ? RISK_HIGH : level);
        free(found);
        free(findings);
        job_deinit(&job);
}

struct example {
        const char *code, *findings;
};

static void test_python(void **state)
{
        static const struct example examples[] = {
                        {"print(1)\n", ""},
                        {"import json, os\n", ""},
                        {"import json, socket as s\n", "1:1 network.import"},
                        {"from urllib.request import urlopen\n", "1:1 network.import"},
                        {"# eval(x)\n", ""},
                        {"x = 'eval(1) # no'; y = \"\"\"\nexec(1)\n\"\"\"\n", ""},
                        {"x = '#'; eval(y)\n", "1:10 execution.eval"},
                        {"f\"{eval(1)}\"\n", "1:4 execution.eval"},
                        {"re.compile('a'); model.eval()\n", ""},
                        {"open('a')\n", "1:1 file.open"},
                        {"x = '/etc/hosts'\n", "1:6 file.system_path"},
                        {"# /etc/shadow\n", ""},
                        {"x = '/etc/shadow'\n", "1:6 file.system_path, 1:6 sensitive.accounts!"},
                        {"x = '/proc/self/environ'\n", "1:6 file.system_path"},
                        {"x = '/proc/1/cmdline'\n", "1:6 file.system_path, 1:6 sensitive.process!"},
                        {"x = '/proc/12/status'\n", "1:6 file.system_path"},
                        {"x = '/proc/12/mem'\n", "1:6 file.system_path, 1:6 sensitive.process!"},
                        {"exec(base64.b64decode(x))\n", "1:1 execution.eval, 1:1 execution.decoded!"},
                        {"x = zlib.decompress(y)\nexec(x)\n", "1:1 execution.decoded!, 2:1 execution.eval"},
                        {"x = base64.b64decode(y)\nprint(x)\n", ""},
                        {"exec(urlopen(u).read())\n", "1:1 execution.eval, 1:1 execution.downloaded!, 1:6 network.call"},
                        {"requests.get('http://a')\n", "1:1 network.call, 1:15 network.address"},
                        {"  subprocess.run(['ls'])\n", "1:3 execution.process"},
        };
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_findings(*state, "python", examples[i].code, RISK_LOW, examples[i].findings);
}

static void test_node(void **state)
{
        static const struct example examples[] = {
                        {"console.log(1) // eval(x)\n/* eval(1)\n */", ""},
                        {"const fs = require('fs')\n", "1:12 file.import"},
                        {"import { x } from 'node:child_process'\n", "1:14 execution.process"},
                        {"let s = 'eval(1)'; let r = /a/.exec(s)\n", ""},
                        {"`${eval(1)}`\n", "1:4 execution.eval"},
                        {"eval(atob(x))\n", "1:1 execution.eval, 1:1 execution.decoded!"},
                        {"const c = Buffer.from(x, 'base64')\nnew Function(c)()\n", "1:7 execution.decoded!, 2:1 execution.eval"},
                        {"fetch(u).then(eval)\n", "1:1 network.call, 1:9 execution.downloaded!"},
        };
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_findings(*state, "node", examples[i].code, RISK_MEDIUM, examples[i].findings);
}

static void test_bash(void **state)
{
        static const struct example examples[] = {
                        {"echo hello; ls 2>/dev/null >&2\n", ""},
                        {"echo 'curl is a program' # curl\n", ""},
                        {"echo curl\n", ""},
                        {"curl -s x\n", "1:1 network.client"},
                        {"x=\"$(wget -q a)\"\n", "1:6 network.client"},
                        {"if curl x; then nc y; fi\n", "1:4 network.client, 1:17 network.client"},
                        {"curl x | sh\n", "1:1 network.client, 1:1 execution.downloaded!"},
                        {"echo x | base64 -d | bash\n", "1:10 execution.decoded!"},
                        {"echo x | base64 -d > y\n", "1:20 file.redirect"},
                        {"echo ${#x}; rm -r y\n", "1:13 file.change"},
        };
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_findings(*state, "bash", examples[i].code, RISK_LOW, examples[i].findings);
}

static void test_at_high_nothing_is_raised_and_unknown_languages_have_no_rules(void **state)
{
        struct job job = job_of("python", "open('/etc/shadow')");
        struct finding *findings;
        size_t count;
        assert_int_equal(analysis_run(*state, &job, RISK_HIGH, &findings, &count), RISK_HIGH);
        assert_int_equal(count, 3);
        for (size_t i = 0; i < count; i++)
                assert_false(findings[i].raise);
        free(findings);
        job_deinit(&job);
        assert_findings(*state, "cobol", "eval(1)", RISK_LOW, "");
}

static void test_each_file_is_looked_at_under_its_path(void **state)
{
        struct job_file files[2] = {{.path = "a.py"}, {.path = "b.py"}};
        struct job job = {.language = "python", .files = files, .file_count = 2};
        struct finding *findings;
        size_t count;
        bytes_append_string(&files[0].content, "import socket\n");
        bytes_append_string(&files[1].content, "\n\n    x = eval('1')\n");
        assert_int_equal(analysis_run(*state, &job, RISK_LOW, &findings, &count), RISK_LOW);
        assert_int_equal(count, 2);
        assert_string_equal(findings[0].path, "a.py");
        assert_string_equal(findings[1].path, "b.py");
        assert_string_equal(findings[1].excerpt, "x = eval('1')");
        assert_string_equal(findings[1].category, "execution");
        assert_int_equal(findings[1].line, 3);
        assert_int_equal(findings[1].column, 9);
        free(findings);
        bytes_deinit(&files[0].content);
        bytes_deinit(&files[1].content);
}

static void test_too_many_findings_keep_those_that_raise(void **state)
{
        struct job_file files[100] = {0};
        struct job job = {.language = "python", .files = files, .file_count = 100};
        struct finding *findings;
        size_t count;
        for (size_t i = 0; i < 100; i++) {
                files[i].path = "x.py";
                bytes_append_string(&files[i].content, i < 99 ? "eval(1)\n" : "open('/etc/shadow')\n");
        }
        assert_int_equal(analysis_run(*state, &job, RISK_LOW, &findings, &count), RISK_HIGH);
        assert_int_equal(count, RESULT_FINDINGS_MAX);
        assert_true(findings[count - 1].raise);
        free(findings);
        for (size_t i = 0; i < 100; i++)
                bytes_deinit(&files[i].content);
}

static void test_what_was_cut_short_is_a_finding(void **state)
{
        struct job job = job_of("python", "");
        struct finding *findings;
        size_t count;
        for (size_t i = 0; i < 300 << 10; i += 16)
                bytes_append_string(&job.code, "0123456789abcde\n");
        analysis_run(*state, &job, RISK_LOW, &findings, &count);
        assert_int_equal(count, 1);
        assert_string_equal(findings[0].rule, "analysis.incomplete");
        free(findings);
        job_deinit(&job);
}

/* Rules of the test's own. */
static char folder[64];

static void open_text(const char *text, struct analysis **ret_analysis, const char *fault)
{
        char path[128];
        struct error e;
        snprintf(path, sizeof path, "%s/analysis/own.yaml", folder);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        *ret_analysis = NULL;
        int status = analysis_open(ret_analysis, folder, &e);
        unlink(path);
        assert_int_equal(status, fault ? -1 : 0);
        if (fault && !strstr(e.text, fault))
                fail_msg("%s", e.text);
}

static void make_folder(void)
{
        char path[128];
        strcpy(folder, "/tmp/brig-test-analysis-XXXXXX");
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/analysis", folder);
        assert_int_equal(mkdir(path, 0700), 0);
}

static void remove_folder(void)
{
        char path[128];
        snprintf(path, sizeof path, "%s/analysis", folder);
        rmdir(path);
        rmdir(folder);
}

static void test_a_pattern_without_end_is_ended_and_said(void **state)
{
        struct analysis *analysis;
        (void)state;
        make_folder();
        open_text("execution: {slow: {pattern: '(a+)+(b+)+(\\w+)+$'}}\n", &analysis, NULL);
        assert_findings(analysis, "own", "aaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaaa!", RISK_LOW,
                        "0:0 analysis.incomplete");
        analysis_close(analysis);
        remove_folder();
}

static void test_faults_in_rules_name_file_line_and_key(void **state)
{
        struct analysis *analysis;
        (void)state;
        make_folder();
        open_text("\nexecution: {x: {pattern: '('}}\n", &analysis, "own.yaml:2: execution.x.pattern: is no pattern: missing closing");
        open_text("executoin: {x: {pattern: a}}\n", &analysis,
                  "own.yaml:1: executoin.x.pattern: unknown key executoin; nearest known key is execution");
        open_text("file: {x: {patern: a}}\n", &analysis, "unknown key patern; nearest known key is pattern");
        open_text("file: {x: {pattern: a, action: reject}}\n", &analysis, "file.x.action: must be record or raise");
        open_text("file: {x: {action: raise}}\n", &analysis, "file.x: has no pattern");
        open_text("file: a\n", &analysis, "own.yaml:1: file: is no CATEGORY.RULE");
        open_text("comments: '('\n", &analysis, "own.yaml:1: comments");
        remove_folder();
}

static void test_rust(void **state)
{
        static const struct example examples[] = {
                        {"fn main() { println!(\"std::fs {}\", 'u'); } // use std::net;\n/* unsafe { /* x */ } */", ""},
                        {"fn f<'a>(x: &'a str) -> &'a str { x }\n", ""},
                        {"use std::{io, net::TcpStream};\n", "1:5 network.import"},
                        {"let s = r#\"a\" Command::new(\"sh\") \"#;\n", ""},
                        {"std::fs::remove_file(p)\n", "1:1 file.import, 1:6 file.change"},
                        {"static X: &[u8] = include_bytes!(\"/dev/urandom\");\n", "1:19 file.included"},
                        {"unsafe { f() }\n", "1:1 execution.unsafe"},
                        {"Command::new(base64::decode(x))\n", "1:1 execution.process, 1:1 execution.decoded!"},
                        {"let p = \"/etc/shadow\";\n", "1:10 file.system_path, 1:10 sensitive.accounts!"},
        };
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_findings(*state, "rust", examples[i].code, RISK_MEDIUM, examples[i].findings);
}

static void test_go(void **state)
{
        static const struct example examples[] = {
                        {"package main\nimport \"fmt\" // \"net\"\nfunc main() { fmt.Println(`os.Remove(x)`, '\"') }\n", ""},
                        {"import \"net/http\"\n", "1:1 network.import"},
                        {"import (\n\t\"fmt\"\n\tn \"net\"\n)\n", "3:1 network.import"},
                        {"import (\"net/url\"; \"os/exec\")\n", "1:18 execution.import"},
                        {"f(\"net\")\nreturn \"net\"\n", ""},
                        {"os.WriteFile(p, b, 0644)\n", "1:1 file.change"},
                        {"//go:embed x\n//go:linkname a b\n", "1:1 file.included, 2:1 execution.raw"},
                        {"c, _ := base64.StdEncoding.DecodeString(x)\nexec.Command(string(c))\n",
                         "1:1 execution.decoded!, 2:1 execution.process"},
        };
        for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
                assert_findings(*state, "go", examples[i].code, RISK_MEDIUM, examples[i].findings);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                        cmocka_unit_test(test_python),
                        cmocka_unit_test(test_node),
                        cmocka_unit_test(test_bash),
                        cmocka_unit_test(test_rust),
                        cmocka_unit_test(test_go),
                        cmocka_unit_test(test_at_high_nothing_is_raised_and_unknown_languages_have_no_rules),
                        cmocka_unit_test(test_each_file_is_looked_at_under_its_path),
                        cmocka_unit_test(test_too_many_findings_keep_those_that_raise),
                        cmocka_unit_test(test_what_was_cut_short_is_a_finding),
                        cmocka_unit_test(test_a_pattern_without_end_is_ended_and_said),
                        cmocka_unit_test(test_faults_in_rules_name_file_line_and_key),
        };
        return cmocka_run_group_tests(tests, open_shipped, close_shipped);
}
