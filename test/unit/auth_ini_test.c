/*
 * Goal: the Azure CLI's configuration files are read as Python reads them, and
 * nothing in one is taken for something else.
 */
#include <string.h>

#include "auth/ini.h"
#include "test/unit/tap.h"

static char got[20];

static int
get(const char *text, const char *section, const char *key)
{
	memset(got, '?', sizeof(got));
	return (ini_get(text, strlen(text), section, key, got, sizeof(got)));
}

static void
is(const char *text, const char *want)
{
	ok(get(text, "cloud", "name") == 0 && strcmp(got, want) == 0,
	    "read: %s", want);
}

static void
is_not(const char *text, const char *why)
{
	ok(get(text, "cloud", "name") == -1, "not there: %s", why);
}

static void
sequence(void)
{
	static const char text[] = "x = 0\n[a]\nk = 1\n\n[b c]\n[d]\nl: 2";
	struct ini i;

	ini_begin(&i, text, strlen(text));
	ok(ini_next(&i) && ini_is(&i.section, "A") && i.key.len == 0,
	    "a section; what stands before the first is passed over");
	ok(ini_next(&i) && ini_is(&i.section, "a") && ini_is(&i.key, "K") &&
	    ini_is(&i.value, "1"), "its value");
	ok(ini_next(&i) && ini_is(&i.section, "b c") && i.key.len == 0 &&
	    i.value.len == 0, "an empty section");
	ok(ini_next(&i) && ini_is(&i.section, "d") && ini_next(&i) &&
	    ini_is(&i.key, "l") && ini_is(&i.value, "2"),
	    "a colon, and no newline at the end");
	ok(!ini_next(&i) && !ini_next(&i), "the end");
}

int
main(void)
{
	static const char nul[] = "[cloud]\nname = a\0b\n";

	is("[cloud]\nname = AzureCloud\n", "AzureCloud");
	is("\xef\xbb\xbf[cloud]\r\nname=AzureCloud\r\n", "AzureCloud");
	is("[core]\nname = x\n[cloud]\n  \nNAME :  two words \t\n", "two words");
	is("[CLOUD]\n# name = x\n; name = x\nname = a = b : c # d\n",
	    "a = b : c # d");
	is("[cloud]\nname = first\nname = second\n", "first");
	is("[cloud]\nother = x\n[core]\n[cloud]\nname = y\n", "y");
	is("[cloud]\nprofile = latest\nname = abcdefghijklmnopqrs\n",
	    "abcdefghijklmnopqrs");
	is_not("[cloud]\nname = abcdefghijklmnopqrst\n", "too long");
	is_not("", "empty");
	is_not("name = x\n", "no section");
	is_not("[other]\nname = x\n", "another section");
	is_not("[cloud]\nname\n", "no mark");
	is_not("[cloud]\nname =\n", "no value");
	is_not("[cloud]\nother = x\n name = y\n", "the line before goes on");
	is_not("[cloud\nname = x\n", "a section without end");
	is_not("[\nname = x\n", "half a section");
	is_not("[cloud2]\nname = x\n", "a section that begins so");
	is_not("[cloud]\nnames = x\n", "a key that begins so");
	ok(ini_get(nul, sizeof(nul) - 1, "cloud", "name", got,
	    sizeof(got)) == -1, "not there: a NUL");
	sequence();
	return (done_testing());
}
